"""Compiled functions on blocks of pixels, each beside its slow and obvious numpy/scipy twin."""
