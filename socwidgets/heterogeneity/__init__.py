"""From a map (with labels and noise) to a statement about heterogeneity. Knows no technique."""
