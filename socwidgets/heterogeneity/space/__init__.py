"""Where in a map values differ: neighbors, distances, depth, gradients, paths (science E.5-E.9)."""
