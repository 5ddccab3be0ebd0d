"""Readers and writers: one `open_stack` for all formats, bundles, references, example data."""

from socwidgets.io.bundle import open_bundle, regions_of, rois_of, save_bundle
from socwidgets.io.datasets import fetch_als_stxm
from socwidgets.io.masks import open_mask
from socwidgets.io.registry import Reader, open_stack
from socwidgets.io.spectra import open_references

__all__ = [
    "Reader",
    "fetch_als_stxm",
    "open_bundle",
    "open_mask",
    "open_references",
    "open_stack",
    "regions_of",
    "rois_of",
    "save_bundle",
]
