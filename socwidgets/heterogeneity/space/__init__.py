"""Where in a map values differ: neighbors, distances, depth, gradients, paths."""
