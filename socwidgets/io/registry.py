"""Readers, found by what a file contains and by its suffix; one function opens them all."""

from __future__ import annotations

import inspect
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import xarray as xr

from socwidgets.io import als, bundle, frame_folder, hdf5, tiff
from socwidgets.io.checks import CHECKED, check_frames
from socwidgets.io.columns import unreadable
from socwidgets.io.masks import open_mask
from socwidgets.model.errors import ReadError
from socwidgets.model.names import VALID
from socwidgets.model.parameters import unknown_name
from socwidgets.model.provenance import data_hash, record, steps
from socwidgets.model.stack import parse_stack
from socwidgets.model.watch import Progress, Watch, watched_by

#: Group of entry points under which other packages offer a `Reader`.
ENTRY_POINTS = "socwidgets.readers"


@dataclass(frozen=True, slots=True)
class Reader:
    """One file format.

    Attributes
    ----------
    name : str
        Short name, for messages.
    suffixes : tuple of str
        Lower-case suffixes with the dot; empty for folders of any name.
    sniff : callable
        ``sniff(path) -> bool``: whether the content is of this format. Must not raise.
    read : callable
        ``read(path, **options) -> stack``; its keyword-only arguments are the options.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path], bool]
    read: Callable[..., xr.Dataset]

    def options(self) -> tuple[str, ...]:
        """Names of the options that `read` takes."""
        parameters = inspect.signature(self.read).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)


#: The most specific first: a bundle is an HDF5 file, too.
BUILTIN = (
    Reader("socwidgets bundle", (".nc", ".zarr"), bundle.is_bundle, bundle.read_bundle_stack),
    Reader("ALS STXM", (".hdr", ".xim"), als.is_als, als.read_als),
    Reader("TIFF", (".tif", ".tiff"), tiff.is_tiff, tiff.read_tiff),
    Reader("HDF5/NeXus", (".h5", ".hdf5", ".hdf", ".nxs", ".nx5"), hdf5.is_hdf5, hdf5.read_hdf5),
    Reader("folder of frames", (), frame_folder.is_frame_folder, frame_folder.read_folder),
)

_COMMON = ("mask", "check", "saturation")


def readers() -> tuple[Reader, ...]:
    """Known readers: those of other packages first, so that a facility may refine its format."""
    found = []
    for entry in metadata.entry_points(group=ENTRY_POINTS):
        try:
            reader = entry.load()
        except Exception as error:  # a broken plug-in must not stop the others
            warnings.warn(f"the reader {entry.name!r} cannot be loaded: {error}", stacklevel=3)
            continue
        if isinstance(reader, Reader):
            found.append(reader)
        else:
            warnings.warn(f"{entry.value} is no socwidgets.io.registry.Reader", stacklevel=3)
    return (*found, *BUILTIN)


def open_stack(
    path: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **options: Any,
) -> xr.Dataset:
    """Read an image stack, whatever its format.

    Formats: ALS STXM (``.hdr`` with ``.xim`` frames), HDF5/NeXus, multi-page TIFF with an energy
    list, a folder of single frames, netCDF and zarr bundles of this package, and what installed
    packages offer under the entry point group ``socwidgets.readers``. The content decides, the
    suffix only between formats that both fit.

    Parameters
    ----------
    path : path-like
        A file or a folder.
    progress, cancel : optional
        As for `socwidgets.fit_map`; a reader of another package may not heed them.
    **options
        For every format: ``mask`` (file or ``(y, x)`` values, True or ``O`` = kept; goes into
        ``valid``), ``check`` (False: accept dark and saturated frames), ``saturation`` (counts at
        which the detector clips), ``lazy`` (True: read when needed; None: only if the signal is
        larger than half of the free memory; needs the extra ``big``). Further ones depend on the
        format, see `read_als`, `read_hdf5`, `read_tiff`, `read_folder`.

    Returns
    -------
    xarray.Dataset
        A valid stack, ``signal (<spectral>, y, x)``, energies in eV, with provenance.

    Raises
    ------
    ReadError
        Missing, unreadable, truncated or of unknown format.
    DataError
        Read, but cannot be right: shapes, energies, dark, saturated or empty frames.
    ParameterError
        An option that the format does not have.
    CancelledError
        If `cancel` was set.
    """
    path = Path(path).expanduser()
    reader = find_reader(path)
    _check_options(reader, options)
    inner = {name: value for name, value in options.items() if name not in _COMMON}
    watch = Watch(progress, cancel)
    watch(0, 1)
    with watched_by(watch.part(0.0, 0.8)):
        stack = parse_stack(reader.read(path, **inner))
    watch(4, 5)
    if options.get("mask") is not None:
        mask = open_mask(options["mask"], stack)
        kept = stack[VALID].values & mask.values if VALID in stack else mask.values
        stack[VALID] = (mask.dims, kept, mask.attrs)
    stack = _checked(stack, options)
    watch(9, 10)
    if reader.read is bundle.read_bundle_stack and not options:
        # A bundle brings its own record; opening it changes nothing.
        return stack
    stack.attrs.setdefault("source_file", path.name)
    parameters = {"path": path, "format": reader.name, **options, "signal": data_hash(stack)}
    before = stack if steps(stack) else None
    return record(stack, "socwidgets.io.open_stack", parameters, source=before)


def _checked(stack: xr.Dataset, options: dict[str, Any]) -> xr.Dataset:
    """Check the frames, unless the user does not want to or it was done when they were read."""
    if options.get("check") is False:
        return stack.assign_attrs({CHECKED: "none, as asked for"})
    if options.get("check") is None and CHECKED in stack.attrs:
        return stack
    return check_frames(stack, saturation=options.get("saturation"))


def find_reader(path: Path) -> Reader:
    """Reader for a file or folder: by content and suffix, else by content alone.

    Raises
    ------
    ReadError
        The path is missing or unreadable, or no reader knows the content.
    """
    _check_readable(path)
    known = readers()
    suffix = path.suffix.lower()
    by_name = [reader for reader in known if suffix in reader.suffixes]
    for reader in (*by_name, *(reader for reader in known if reader not in by_name)):
        if reader.sniff(path):
            return reader
    formats = "; ".join(
        f"{reader.name} ({', '.join(reader.suffixes) or 'by content'})" for reader in known
    )
    if by_name:
        raise ReadError(
            f"{path.name} is not what its name promises",
            expected=f"a file of the format {by_name[0].name}",
            found=_describe(path),
            fix="the file may be truncated, or still be written: copy it again",
        )
    raise ReadError(
        f"the format of {path.name} is not known",
        expected=formats,
        found=_describe(path),
        fix="convert it to one of these, build a stack with make_stack, or install a package "
        f"that offers a reader (entry point group {ENTRY_POINTS})",
    )


def _check_readable(path: Path) -> None:
    try:
        if path.is_dir():
            with os.scandir(path) as entries:
                next(entries, None)
        else:
            with open(path, "rb") as file:
                file.read(1)
    except OSError as error:
        raise unreadable(path, error) from error


def _describe(path: Path) -> str:
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())
        listed = ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")
        return f"a folder with {listed}" if names else "an empty folder"
    with open(path, "rb") as file:
        start = file.read(16)
    return f"{path.stat().st_size} bytes that begin with {start!r}"


def _check_options(reader: Reader, options: dict[str, Any]) -> None:
    known = sorted({*reader.options(), *_COMMON})
    unknown = [name for name in options if name not in known]
    if unknown:
        raise unknown_name(
            f"unknown option {unknown[0]!r} for the format {reader.name}", unknown[0], known,
            otherwise="leave it out",
        )  # fmt: skip
