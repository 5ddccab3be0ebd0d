"""Arrays on disk read without the library that wrote them, where its file format allows it.

h5py reads under one lock for the whole process, and zarr sends every chunk through an event loop,
fresh memory and a copy. Where the bytes of a chunk lie in a local file as they are, or compressed
by a method that others can undo, they are read here instead: in any number of threads at once,
straight to where they are wanted. Everything else is left to the libraries.
"""
