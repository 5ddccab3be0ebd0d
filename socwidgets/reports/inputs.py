"""Open what a report's parameters name, and bring it to optical density."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import xarray as xr

from socwidgets.model.errors import ParameterError, ReadError
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.provenance import data_hash
from socwidgets.model.references import shift_references
from socwidgets.phantoms.by_name import PHANTOM_PREFIX
from socwidgets.reports.parameters import SocMapReport


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that a report reads.

    Attributes
    ----------
    stack : xarray.Dataset
        As measured.
    references : xarray.DataArray
        ``(component, spectral)``.
    flat, dark : xarray.DataArray or None
        Counts without sample and without beam, where they come from files of their own.
    phantom : Phantom or None
        What was simulated, for the comparison with the truth.
    notes : tuple of str
        Warnings of the readers.
    record : dict
        Role -> source, hash and shape of every object.
    """

    stack: xr.Dataset
    references: xr.DataArray
    flat: xr.DataArray | None = None
    dark: xr.DataArray | None = None
    phantom: Any = None
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)


def open_inputs(params: SocMapReport) -> Inputs:
    """Read the stack, its references and its flats, or simulate a phantom.

    Warnings of the readers (converted energies, for instance) are collected for the page.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        found = _simulate(params) if params.is_phantom else _read(params)
    if params.energy_shift:
        found = replace(found, references=shift_references(found.references, params.energy_shift))
    notes = tuple(str(w.message) for w in caught if issubclass(w.category, UserWarning))
    sources: dict[str, tuple[str | None, xr.Dataset | xr.DataArray | None]] = {
        "stack": (params.stack, found.stack),
        "references": (params.references or params.stack, found.references),
        "flat": (params.flat, found.flat),
        "dark": (params.dark, found.dark),
    }
    record = {
        role: _record(source, value) for role, (source, value) in sources.items() if source
        if value is not None
    }  # fmt: skip
    return replace(found, notes=notes, record=record)


def _read(params: SocMapReport) -> Inputs:
    from socwidgets.io import open_references, open_stack
    from socwidgets.io.open_beam import read_open_beam

    options: dict[str, Any] = {} if params.pixel_um is None else {"pixel_um": params.pixel_um}
    stack = open_stack(params.stack, **options)
    if params.sample:
        stack.attrs["sample"] = params.sample
    references = open_references(params.references, dim=spectral_dim(stack[SIGNAL]))
    return Inputs(stack, references, *read_open_beam(params.flat, params.dark))


def _simulate(params: SocMapReport) -> Inputs:
    from socwidgets.phantoms.by_name import simulated_scan

    phantom, stack = simulated_scan(params.stack, seed=params.seed, pixel_um=params.pixel_um)
    if params.sample:
        stack.attrs["sample"] = params.sample
    references = phantom.references
    if params.references.strip():
        from socwidgets.io import open_references

        references = open_references(params.references, dim=spectral_dim(stack[SIGNAL]))
    if references is None:
        raise ParameterError(f"the phantom {params.stack!r} has no reference spectra")
    return Inputs(stack, references, phantom=phantom)


def _record(source: Any, value: xr.Dataset | xr.DataArray) -> dict[str, Any]:
    found: dict[str, Any] = {
        "source": str(source),
        "sha256": data_hash(value),
        "dims": {str(k): int(v) for k, v in value.sizes.items()},
    }
    path = Path(str(source))
    if path.is_file():
        with path.open("rb") as file:
            found["file_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return found


def absolute_paths(params: SocMapReport, base: Path | None = None) -> SocMapReport:
    """Parameters whose file names no longer depend on the working folder.

    A report's notebook runs in its output folder, so relative names would point elsewhere.
    """
    return params.replace(**absolute_values(type(params), params.to_dict(), base))


def absolute_values(
    cls: type[SocMapReport], values: Mapping[str, Any], base: Path | None = None
) -> dict[str, Any]:
    """Those of `values` that name files, absolute; the values themselves need not be complete.

    Parameters
    ----------
    cls : type
        Parameters of the template; its ``PATHS`` and ``PATH_LISTS`` say what names files.
    values : mapping
        Values by name, as typed.
    base : Path, optional
        Folder in which relative names start; the working folder if left out.
    """
    base = Path.cwd() if base is None else base
    changes: dict[str, Any] = {}
    for name in cls.PATHS:
        value = values.get(name)
        if value and not str(value).startswith(PHANTOM_PREFIX):
            changes[name] = _absolute(str(value), base)
    for name in cls.PATH_LISTS:
        text = str(values.get(name) or "")
        if text.strip() and not text.startswith(PHANTOM_PREFIX):
            changes[name] = _absolute_list(text, base)
    for name in cls.PATH_SERIES:
        parts = [part.strip() for part in str(values.get(name) or "").split(";") if part.strip()]
        if parts:
            changes[name] = ";".join(
                part if part.startswith(PHANTOM_PREFIX) else _absolute(part, base) for part in parts
            )
    rois = str(values.get("rois") or "").strip()
    if rois and not rois.startswith(("[", "{")):
        changes["rois"] = _absolute(rois, base)
    return changes


def require_files(params: SocMapReport) -> None:
    """Refuse missing files before a kernel is started for them.

    Raises
    ------
    ReadError
        If the stack, the flat or the dark frames are not there.
    """
    named = [(name, str(getattr(params, name) or "")) for name in params.PATHS]
    for name in params.PATH_SERIES:
        named += [(name, part) for part in str(getattr(params, name)).split(";")]
    if params.rois.strip() and not params.rois.strip().startswith(("[", "{")):
        named.append(("rois", params.rois))
    for name, value in named:
        if value and not value.startswith(PHANTOM_PREFIX) and not Path(value).exists():
            raise ReadError(
                f"there is no file or folder {value}",
                expected=f"the {name} of the report",
                found="nothing of this name",
                fix="check the spelling; relative names start in the current folder",
            )


def _absolute(path: str, base: Path) -> str:
    return os.path.normpath(base / Path(path).expanduser())


def _absolute_list(text: str, base: Path) -> str:
    """Make every file of ``name=file,name=file`` absolute; a file with commas in its name too."""
    if (base / Path(text).expanduser()).exists():
        return _absolute(text, base)
    items = []
    for item in (part.strip() for part in text.split(",")):
        name, equals, path = item.partition("=")
        if equals and not (base / item).exists():
            items.append(f"{name.strip()}={_absolute(path.strip(), base)}")
        elif item:
            items.append(_absolute(item, base))
    return ",".join(items)
