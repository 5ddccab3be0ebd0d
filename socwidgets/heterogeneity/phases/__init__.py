"""Phase separation or solid solution: histograms, domains, boundaries and fronts."""
