"""One module per technique: its preparation, its defaults and its guards. No generic numerics."""
