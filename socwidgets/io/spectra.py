"""Reference spectra from text files, bundles or arrays."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.io.columns import Table, read_table
from socwidgets.model.errors import ParameterError, ReadError
from socwidgets.model.names import COMPONENT, REFERENCE
from socwidgets.model.references import MAX_COMPONENTS, make_references
from socwidgets.model.units import energies_in_ev

_CONTAINERS = (".nc", ".h5", ".hdf5", ".zarr")
#: Names of columns that hold a ready absorption signal, best first (XDI dictionary and habit).
_SIGNAL_NAMES = (
    "norm", "munorm", "normmutrans", "normmufluor", "flat", "mu", "xmu", "mutrans", "mufluor", "od",
)  # fmt: skip
_RAW_NAMES = {"i0", "itrans", "irefer", "ifluor", "i1", "i2"}


def open_references(
    spec: Any,
    *,
    dim: str = "energy",
    interpolation: str = "cubic",
    most: int = MAX_COMPONENTS,
) -> xr.DataArray:
    """Read reference spectra and put them on one grid.

    Parameters
    ----------
    spec : str, path, list, mapping or xarray object
        * a mapping of name to file or to ``(axis values, signal)``;
        * a list of files; names are the file stems;
        * text as on the command line: ``"a.t,b.t"``, ``"Fe(II)=a.t,Fe(III)=b.t"`` (split at the
          first ``=``), a pattern such as ``"refs/*.xmu"`` (sorted by name);
        * a bundle (`save_bundle`), whose references are returned;
        * references that are read already.

        ``file::column`` picks one column of a file with several spectra, by its name in the
        header or its number (the axis is column 1); ``file::*`` takes all of them. Without it, the
        second column is taken, or the one whose name says that it holds the signal (``norm``,
        ``mu``, ``xmu``, ``mutrans``, ``od``); a warning says so where the header names others and
        none as the signal. Where the header names raw detector columns ``i0`` and ``itrans``, the
        signal is ``ln(i0 / itrans)`` (XDI 1.0 dictionary).
    dim : str
        Spectral dimension.
    interpolation : {"cubic", "linear"}
        How spectra are put on a common grid, and later on that of a stack: by a cubic spline, or by
        straight lines as in Larch and Athena. References that are read already keep theirs.
    most : int
        More spectra than this are refused. A fit can have six; a library for `choose_components`
        may hold more.

    Returns
    -------
    xarray.DataArray
        ``(component, dim)``; energies in eV (a conversion from keV is reported by a warning and in
        ``attrs["energy_conversion"]``).

    Raises
    ------
    ReadError
        A file is missing, unreadable or holds no spectrum.
    ParameterError
        The text cannot be understood, or two references have one name.
    ReferenceSpectraError
        Too many spectra, an axis that is not monotonic, or ranges that do not overlap.
    """
    if isinstance(spec, xr.Dataset) and REFERENCE in spec:
        return spec[REFERENCE]
    if isinstance(spec, xr.DataArray):
        return spec
    if isinstance(spec, (str, os.PathLike)) and _is_container(Path(spec)):
        return _from_bundle(Path(spec))
    spectra: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    messages: dict[str, str] = {}
    for name, source in _named_sources(spec):
        if name in spectra:
            raise ParameterError(
                f"two references have the name {name!r}",
                expected="one name for each reference",
                found=f"{name} twice",
                fix="name them yourself, for instance 'discharged=a/x.dat,charged=b/x.dat'",
            )
        axis, values, units = _spectrum(source)
        if dim == "energy":
            axis, message = energies_in_ev(axis, units)
            messages.update({name: message} if message else {})
        spectra[name] = (axis, values)
    references = make_references(spectra, dim=dim, most=most, interpolation=interpolation)
    if messages:
        text = "; ".join(f"{name}: {message}" for name, message in messages.items())
        warnings.warn(f"references: {text}", stacklevel=2)
        references.attrs["energy_conversion"] = text
    return references


def open_spectrum(path: str | os.PathLike[str], *, dim: str = "energy") -> xr.DataArray:
    """Read one spectrum, for instance that of a metal foil.

    Parameters
    ----------
    path : path-like
        A file, or ``file::column``, as for `open_references`.
    dim : str
        Spectral dimension.

    Returns
    -------
    xarray.DataArray
        ``(dim,)`` on its own grid; energies in eV.

    Raises
    ------
    ReadError
        The file is missing, unreadable, or holds no spectrum or more than one.
    ReferenceSpectraError
        An axis that is not monotonic, or values that are not finite.
    """
    found = open_references(path, dim=dim)
    if found.sizes[COMPONENT] != 1:
        names = ", ".join(map(str, found[COMPONENT].values))
        raise ReadError(
            "one spectrum is needed",
            expected="a file with one spectrum, or file::column",
            found=f"{found.sizes[COMPONENT]}: {names}",
        )
    return found.isel({COMPONENT: 0}, drop=True)


def _named_sources(spec: Any) -> list[tuple[str, Any]]:
    if isinstance(spec, Mapping):
        return [(str(name), source) for name, source in spec.items()]
    if isinstance(spec, (str, os.PathLike)):
        return _from_text(os.fspath(spec))
    if isinstance(spec, Sequence) and spec:
        return [pair for item in spec for pair in _from_text(os.fspath(item))]
    raise ParameterError(
        "references were not understood",
        expected="a mapping of names to files, a list of files, or text such as 'A=a.t,B=b.t'",
        found=repr(spec)[:80],
    )


def _from_text(text: str) -> list[tuple[str, Any]]:
    """Pairs of name and path from the command-line form."""
    if not text.strip():
        raise ParameterError("no references are named", expected="such as 'A=a.t,B=b.t'")
    if Path(text).exists():
        return [(Path(text).stem, Path(text))]
    pairs: list[tuple[str, Any]] = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, path = item.partition("=")
        if Path(item).exists() or not equals:
            name, path = "", item
        if path.strip().endswith("::*"):
            pairs += _all_columns(Path(path.strip().removesuffix("::*")).expanduser())
            continue
        found = sorted(glob.glob(str(Path(path).expanduser()))) if glob.has_magic(path) else []
        if glob.has_magic(path) and not found and not Path(path.partition("::")[0]).exists():
            raise ReadError(
                f"no file fits the pattern {path}",
                expected="at least one reference spectrum",
                found="none",
                fix=f"check the folder; relative paths start at {Path.cwd()}",
            )
        for one in found or [path.strip()]:
            file, _, column = one.partition("::")
            alone = name.strip() if len(found) < 2 else ""
            pairs.append((alone or column or Path(file).stem, one))
    return pairs


def _all_columns(path: Path) -> list[tuple[str, Any]]:
    """Pairs of name and ``path::column`` for each column of a file but that of the energies."""
    table = read_table(path)
    names = table.names or [str(i) for i in range(1, table.values.shape[1] + 1)]
    axis_at = next((i for i, name in enumerate(names) if name.lower().startswith("energy")), 0)
    return [(name, f"{path}::{name}") for i, name in enumerate(names) if i != axis_at]


def _spectrum(source: Any) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Axis, signal and axis units of a path, ``path::column``, or a pair of arrays."""
    if isinstance(source, (str, os.PathLike)):
        file, _, column = os.fspath(source).partition("::")
        path = Path(file).expanduser()
        return pick_columns(path, read_table(path), column)
    if isinstance(source, xr.DataArray) and source.ndim == 1:
        axis = source[source.dims[0]]
        return np.asarray(axis.values), np.asarray(source.values), axis.attrs.get("units")
    try:
        axis, values = source
    except (TypeError, ValueError):
        raise ParameterError(
            "a reference was not understood",
            expected="a file, or a pair (axis values, signal)",
            found=type(source).__name__,
        ) from None
    return np.asarray(axis, dtype=float), np.asarray(values, dtype=float), None


def pick_columns(
    path: Path, table: Table, column: str = ""
) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Axis, signal and axis units of a table.

    The signal is the column asked for, or the one that the header names as the signal.

    Raises
    ------
    ReadError
        Only one column, no such column, or raw detector columns that do not make a spectrum.
    """
    values, names = table.values, [name.lower() for name in table.names]
    if values.shape[1] < 2:
        raise ReadError(
            f"{path.name} is no spectrum",
            expected="at least two columns: energy and signal",
            found="one column",
            fix="check that this is not a mere list of energies",
        )
    axis_at = next((i for i, name in enumerate(names) if name.startswith("energy")), 0)
    axis = values[:, axis_at]
    stated = table.units[axis_at].lower() if table.units else ""
    units = stated if stated in ("ev", "kev") else None
    if column:
        return axis, values[:, _column_index(path, table, column)], units
    for wanted in _SIGNAL_NAMES:
        if wanted in names:
            return axis, values[:, names.index(wanted)], units
    if {"i0", "itrans"} <= set(names):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = values[:, names.index("i0")] / values[:, names.index("itrans")]
            return axis, np.log(ratio), units
    if len(names) > 1 and names[1 if axis_at == 0 else 0] in _RAW_NAMES:
        raise ReadError(
            f"{path.name} holds raw detector columns that do not make a spectrum",
            expected=f"one of the columns {', '.join(_SIGNAL_NAMES)}, or i0 and itrans",
            found=", ".join(table.names),
            fix=f"name the column, for instance '{path.name}::{table.names[-1]}'",
        )
    first = 1 if axis_at == 0 else 0
    if len(names) > 2:
        others = [name for i, name in enumerate(table.names) if i not in (axis_at, first)]
        warnings.warn(
            f"{path.name} holds {len(names) - 1} columns beside the energy, and none says that it "
            f"is the signal: {table.names[first]!r} is taken, not {', '.join(others)}. Name the "
            f"one that you mean, for instance '{path.name}::{others[0]}'",
            UserWarning,
            stacklevel=4,
        )
    return axis, values[:, first], units


def _column_index(path: Path, table: Table, column: str) -> int:
    if column in table.names:
        return table.names.index(column)
    if column.isdecimal() and 1 <= int(column) <= table.values.shape[1]:
        return int(column) - 1
    raise ReadError(
        f"{path.name} has no column {column!r}",
        expected=f"one of {', '.join(table.names)}"
        if table.names
        else f"a number from 1 to {table.values.shape[1]}",
        found=column,
    )


def _is_container(path: Path) -> bool:
    return path.suffix.lower() in _CONTAINERS and path.exists()


def _from_bundle(path: Path) -> xr.DataArray:
    from socwidgets.io.bundle import open_bundle

    tree = open_bundle(path)
    node = tree.children.get("references")
    if node is None or REFERENCE not in node.data_vars:
        raise ReadError(
            f"{path.name} holds no references",
            expected="a bundle saved with references=...",
            found=", ".join(tree.children) or "an empty bundle",
        )
    return node.to_dataset()[REFERENCE]
