"""How an ensemble reacts: one particle after the other, or all at once."""
