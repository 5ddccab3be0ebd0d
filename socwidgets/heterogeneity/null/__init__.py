"""The null test: how heterogeneous a perfectly homogeneous sample would look."""
