"""The suite's own file: stack, references, maps, regions and ROIs in one tree."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.io.atomic import atomic_file, atomic_folder, require_space
from socwidgets.io.attributes import prepare_dataset, restore_dataset
from socwidgets.io.columns import unreadable
from socwidgets.io.lazy import PIECE_BYTES, read_whole, require_dask, wants_lazy
from socwidgets.model.errors import DataError, OutputError, ParameterError, ReadError
from socwidgets.model.provenance import package_version
from socwidgets.model.roi import ROI, roi_from_dict

FORMAT = "socwidgets_bundle"
VERSION = 1
_NODES = ("stack", "references", "maps", "soc", "labels", "regions", "session")
_ROIS = "rois"
#: Bytes of a netCDF-4 file beside the arrays: groups, attributes, texts.
_OVERHEAD = 1 << 20


def save_bundle(path: str | os.PathLike[str], **objects: Any) -> Path:
    """Save everything that belongs together in one file.

    Parameters
    ----------
    path : path-like
        ``.nc`` (netCDF-4) or ``.zarr`` (a folder; needs the extra ``big``).
    **objects
        Any of ``stack``, ``references``, ``maps``, ``soc``, ``labels`` (Dataset or DataArray),
        ``regions`` (DataFrame or Dataset), ``session`` (Dataset of `save_session`) and ``rois``
        (list of `ROI`). None is left out. Values, types, coordinates and attributes come back
        exactly; a lazily read stack is written piece by piece.

    Returns
    -------
    Path
        Where it was written; the file appears when it is complete and replaces an older one.

    Raises
    ------
    ParameterError
        An unknown name, or nothing to save.
    DataError
        An object that is no xarray object, or an attribute that cannot be saved.
    OutputError
        The file cannot be written.
    """
    target = Path(path).expanduser()
    nodes = _nodes(objects)
    tree = xr.DataTree.from_dict(nodes, name=FORMAT)
    tree.attrs.update({FORMAT: VERSION, "creator": f"socwidgets {package_version()}"})
    suffix = target.suffix.lower()
    if suffix == ".zarr":
        _require_zarr(OutputError)
        with atomic_folder(target, marker="zarr.json") as temporary, warnings.catch_warnings():
            # Text arrays have no frozen zarr specification yet; other readers may need zarr>=3.
            warnings.filterwarnings("ignore", module="zarr")
            warnings.filterwarnings("ignore", message=".*zarr.*", category=FutureWarning)
            tree.to_zarr(temporary, mode="w", consolidated=False)
    elif suffix in (".nc", ".h5", ".hdf5"):
        with atomic_file(target) as temporary:
            require_space(temporary, sum(node.nbytes for node in nodes.values()) + _OVERHEAD)
            tree.to_netcdf(temporary, engine="h5netcdf")
    else:
        raise OutputError(
            f"cannot save a bundle as {target.name}",
            expected="a name that ends in .nc or .zarr",
            found=suffix or "no suffix",
        )
    return target


def open_bundle(path: str | os.PathLike[str], *, lazy: bool | None = None) -> xr.DataTree:
    """Open a bundle.

    Parameters
    ----------
    path : path-like
        A file of `save_bundle`, or any netCDF-4 file or zarr folder whose variables follow the
        data model.
    lazy : bool, optional
        Keep the arrays on disk (dask); by default only if they exceed half of the free memory.

    Returns
    -------
    xarray.DataTree
        Nodes named like the arguments of `save_bundle`. Use `rois_of` and `regions_of` for those.

    Raises
    ------
    ReadError
        Missing, damaged, or no bundle.
    """
    source = Path(path).expanduser()
    groups = _open_groups(source, lazy)
    tree = xr.DataTree.from_dict(
        {name: restore_dataset(ds) for name, ds in groups.items()}, name=FORMAT
    )
    version = tree.attrs.get(FORMAT, VERSION)
    if isinstance(version, int) and version > VERSION:
        raise ReadError(
            f"{source.name} was written by a newer socwidgets",
            expected=f"bundle version {VERSION} or older",
            found=f"version {version}, {tree.attrs.get('creator', '')}",
            fix="update socwidgets",
        )
    return tree


def rois_of(tree: xr.DataTree) -> list[ROI]:
    """Regions of interest in a bundle; an empty list if it has none."""
    node = tree.children.get(_ROIS)
    if node is None:
        return []
    return [roi_from_dict(json.loads(str(text))) for text in node.to_dataset()[_ROIS].values]


def regions_of(tree: xr.DataTree) -> pd.DataFrame | None:
    """Region table of a bundle, or None."""
    node = tree.children.get("regions")
    return None if node is None else node.to_dataset().to_dataframe()


def is_bundle(path: Path) -> bool:
    """Whether a path holds a bundle or a plain netCDF/zarr stack (not just any HDF5 file)."""
    if path.is_dir():
        return (path / "zarr.json").is_file() or (path / ".zgroup").is_file()
    import h5py

    try:
        if not h5py.is_hdf5(path):
            return False
        with h5py.File(path, "r") as file:
            return FORMAT in file.attrs or (
                "_NCProperties" in file.attrs and ("signal" in file or "stack" in file)
            )
    except OSError:
        return False


def read_bundle_stack(path: Path, *, lazy: bool | None = None) -> xr.Dataset:
    """Stack of a bundle, or of a plain netCDF or zarr file with the variable ``signal``.

    Raises
    ------
    ReadError
        There is no stack in it; names what there is.
    """
    tree = open_bundle(path, lazy=lazy)
    for node in (tree.children.get("stack"), tree):
        if node is not None and "signal" in node.data_vars:
            dataset = node.to_dataset()
            dataset.attrs.pop(FORMAT, None)
            return dataset
    raise ReadError(
        f"{path.name} holds no stack",
        expected="a bundle saved with stack=..., or a file with the variable 'signal'",
        found=", ".join([*tree.children, *map(str, tree.data_vars)]) or "an empty file",
        fix="open_bundle gives access to what is in it",
    )


def _nodes(objects: dict[str, Any]) -> dict[str, xr.Dataset]:
    unknown = sorted(set(objects) - {*_NODES, _ROIS})
    given = {name: value for name, value in objects.items() if value is not None}
    if unknown or not given:
        raise ParameterError(
            f"a bundle has no part {unknown[0]!r}" if unknown else "there is nothing to save",
            expected=f"some of {', '.join([*_NODES, _ROIS])}",
            found=", ".join(objects) or "nothing",
        )
    nodes = {f"/{name}": prepare_dataset(_dataset(name, given[name]), name) for name in _NODES
             if name in given}  # fmt: skip
    if _ROIS in given:
        texts = [json.dumps(roi.to_dict()) for roi in _roi_list(given[_ROIS])]
        # A variable, not an attribute: HDF5 limits the size of attributes, and lassos are long.
        nodes[f"/{_ROIS}"] = xr.Dataset({_ROIS: ("roi", np.array(texts, dtype=object))})
    return nodes


def _roi_list(rois: Any) -> Iterable[ROI]:
    kinds = {type(roi).__name__ for roi in rois}
    if kinds - {ROI.__name__}:
        raise DataError(
            "rois must be ROI objects", found=", ".join({type(r).__name__ for r in rois})
        )
    return rois


def _dataset(name: str, value: Any) -> xr.Dataset:
    if isinstance(value, xr.Dataset):
        return value
    if isinstance(value, xr.DataArray):
        key = name.removesuffix("s") if name == "references" else value.name or name
        return value.to_dataset(name=key)
    if isinstance(value, pd.DataFrame):
        return value.to_xarray()
    raise DataError(
        f"{name} cannot be saved",
        expected="an xarray Dataset or DataArray, or a pandas table for regions",
        found=type(value).__name__,
    )


def _open_groups(path: Path, lazy: bool | None) -> dict[str, xr.Dataset]:
    try:
        size = _check_exists(path)
        big = wants_lazy(size, lazy)
        if big:
            require_dask(size)
        options: dict[str, Any] = {
            "engine": "zarr" if path.is_dir() else "h5netcdf",
            # Flags and statuses stay the whole numbers they are.
            "mask_and_scale": False,
            "decode_timedelta": False,
            "chunks": {} if big else None,
        }
        if path.is_dir():
            _require_zarr(ReadError)
            options["consolidated"] = False
        groups = xr.open_groups(path, **options)
        if FORMAT not in groups["/"].attrs:
            # Not ours: other programs pack values and mark gaps with fill values.
            for dataset in groups.values():
                dataset.close()
            groups = xr.open_groups(path, **{**options, "mask_and_scale": True})
        if not big:
            for dataset in groups.values():
                _load(dataset)
                dataset.close()
        return groups
    except (ReadError, ParameterError):
        raise
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ReadError(
            f"{path.name} is damaged, or no bundle",
            expected="a file of save_bundle, or a netCDF-4 or zarr stack",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix="copy the file again, or read it with open_stack",
        ) from error


def _load(dataset: xr.Dataset) -> None:
    """Read everything, the large arrays in pieces."""
    for variable in dataset.variables.values():
        if variable.nbytes > PIECE_BYTES and not variable._in_memory:
            chunks = variable.encoding.get("chunksizes") or variable.encoding.get("chunks") or (1,)
            variable.data = read_whole(
                lambda part, of=variable: of[part].values,  # type: ignore[misc]
                variable.shape, variable.dtype, int(chunks[0]),
            )  # fmt: skip
    dataset.load()


def _check_exists(path: Path) -> int:
    """Size in bytes once in memory, as far as it is known without reading."""
    try:
        path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def _require_zarr(kind: type[OutputError] | type[ReadError]) -> None:
    try:
        import zarr  # noqa: F401
    except ImportError:
        raise kind(
            "a .zarr bundle needs zarr, which is not installed",
            expected="the package zarr",
            found="none",
            fix="install the extra with: pip install 'socwidgets[big]', or save as .nc",
        ) from None
