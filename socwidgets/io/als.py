"""Image stacks of the ALS scanning transmission X-ray microscopes: ``.hdr`` and ``.xim`` files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.io.als_frames import FRAME_NAME, als_source, find_frames, match_frames
from socwidgets.io.als_header import parse_header
from socwidgets.io.assemble import assemble, axis_um
from socwidgets.io.columns import read_text
from socwidgets.io.incident import incident_variable
from socwidgets.io.lazy import as_array, content_name
from socwidgets.model.errors import DataError, ReadError

_I0_NAMES = ("i0.xsp", "I0.xsp", "io.xsp", "Io.xsp")


def is_als(path: Path) -> bool:
    """Whether `path` is an ALS header, one of its frames, or a folder with a header and frames."""
    if path.is_dir():
        return any(path.glob("*.hdr")) and any(path.glob("*.xim"))
    if path.suffix.lower() == ".xim":
        return _header_of_frame(path) is not None
    try:
        with open(path, "rb") as file:
            return b"ScanDefinition" in file.read(200)
    except OSError:
        return False


def read_als(
    path: Path,
    *,
    i0: Any = None,
    channel: str = "a",
    allow_missing: bool = False,
    lazy: bool | None = None,
) -> xr.Dataset:
    """Read an image stack from its header and one text frame per energy.

    Orientation: row ``k`` of a frame belongs to the ``k``-th point of the header's ``QAxis``
    (``y``), column ``k`` to the ``k``-th point of its ``PAxis`` (``x``), as listed. Nothing is
    flipped; with ``y`` drawn upwards the first row of the file is at the bottom when ``QAxis``
    rises. ``Dir``, the direction in which the stage moved, is kept in ``attrs["y_direction"]``
    and ``attrs["x_direction"]`` and does not change the order.

    Parameters
    ----------
    path : Path
        The ``.hdr`` file, one of its ``.xim`` frames, or the folder of exactly one header.
    i0 : path, array_like or False, optional
        Incident intensity ``(energy,)`` in the units of the counts, or a two-column file. By
        default ``i0.xsp`` beside the header if there is one; False for none.
    channel : str
        Letter of the detector channel in the frame names (``_a000.xim``).
    allow_missing : bool
        Leave out energies that have no frame (a scan that was stopped) instead of refusing.
    lazy : bool, optional
        Read frame by frame when needed (dask); by default only for a stack larger than half of
        the free memory.

    Returns
    -------
    xarray.Dataset
        ``signal (energy, y, x)`` in counts, float32; coordinates in eV and um as in the header;
        ``i0 (energy,)`` if known; ``ring_current (energy,)`` in mA and ``elapsed (energy,)`` in s
        where the header has them for each image.

    Raises
    ------
    ReadError
        A file is missing, truncated or unreadable.
    DataError
        Not an image stack, a frame of another shape, or energies and I0 that do not fit.
    """
    header_path = _find_header(path)
    header = parse_header(read_text(header_path), header_path.name)
    energies, region = _stack_axes(header, header_path.name)
    frames = find_frames(header_path, channel)
    keep = match_frames(frames, energies.size, header_path.name, allow_missing)
    files, energies = [frames[index] for index in keep], energies[keep]
    y_points, x_points = region["QAxis"]["Points"], region["PAxis"]["Points"]
    source = als_source(files, (len(y_points), len(x_points)))
    units = str(header["ScanDefinition"]["StackAxis"].get("Unit", "eV"))
    return assemble(
        as_array(source, content_name(header_path, *files), lazy, (1, -1, -1)),
        energies,
        units=units,
        quantity="counts",
        y=axis_um(y_points, region["QAxis"].get("Unit"), "y", len(y_points)),
        x=axis_um(x_points, region["PAxis"].get("Unit"), "x", len(x_points)),
        what=f"the StackAxis of {header_path.name}",
        extras={
            **_image_records(header, keep),
            **incident_variable(_i0_beside(header_path, i0), energies, units=units),
        },
        attrs=_attributes(header, region, header_path),
    )


def _i0_beside(header_path: Path, i0: Any) -> Any:
    if i0 is not None:
        return i0
    beside = (header_path.with_name(name) for name in _I0_NAMES)
    return next((path for path in beside if path.is_file()), None)


def _find_header(path: Path) -> Path:
    if path.is_dir():
        found = sorted(path.glob("*.hdr"))
        if len(found) != 1:
            raise ReadError(
                f"the folder {path} does not hold exactly one ALS header",
                expected="one .hdr file",
                found=f"{len(found)}: {', '.join(f.name for f in found[:5])}",
                fix="name the .hdr file itself",
            )
        return found[0]
    if path.suffix.lower() == ".xim":
        header = _header_of_frame(path)
        if header is None:
            raise ReadError(f"there is no .hdr file that goes with {path.name}")
        return header
    return path


def _header_of_frame(path: Path) -> Path | None:
    match = FRAME_NAME.search(path.name)
    header = path.with_name(path.name[: match.start()] + ".hdr") if match else None
    return header if header is not None and header.is_file() else None


def _stack_axes(header: dict[str, Any], name: str) -> tuple[np.ndarray, dict[str, Any]]:
    scan = header.get("ScanDefinition")
    stack_axis = scan.get("StackAxis") if isinstance(scan, dict) else None
    regions = scan.get("Regions") if isinstance(scan, dict) else None
    if not isinstance(stack_axis, dict) or not stack_axis.get("Points") or not regions:
        kind = scan.get("Type", "unknown") if isinstance(scan, dict) else "no ScanDefinition"
        raise DataError(
            f"{name} is not the header of an image stack",
            expected="ScanDefinition with Regions and a StackAxis (Flags = 'Image Stack')",
            found=f"scan type {kind!r}",
            fix="choose the header of a stack, not of a single image or a line scan",
        )
    if len(regions) > 1:
        raise DataError(
            f"{name} describes several regions",
            expected="one region",
            found=f"{len(regions)}",
            fix="export the regions as stacks of their own",
        )
    region = regions[0]
    if not all(region.get(axis, {}).get("Points") for axis in ("PAxis", "QAxis")):
        raise DataError(
            f"{name} does not say where its pixels are", expected="PAxis and QAxis with Points"
        )
    return np.asarray(stack_axis["Points"], dtype=np.float64), region


def _attributes(header: dict[str, Any], region: dict[str, Any], path: Path) -> dict[str, Any]:
    scan = header["ScanDefinition"]
    wanted = {
        "instrument": "ALS STXM",
        "beamline_file": str(scan.get("Label", path.name)),
        "source_file": path.name,
        "scan_type": scan.get("Type"),
        "dwell_ms": scan.get("Dwell"),
        "start_time": _iso_time(header.get("Time")),
        # The counter divides the pulses by this number: the noise is not that of the counts.
        "counter_divider": header.get("PMT_CounterDivider"),
        "polarization": header.get("Polarization"),
        "x_direction": region["PAxis"].get("Dir"),
        "y_direction": region["QAxis"].get("Dir"),
        "detector": ", ".join(
            str(c.get("Name", "")) for c in scan.get("Channels", []) if isinstance(c, dict)
        ),
    }
    return {key: value for key, value in wanted.items() if value not in (None, "")}


def _iso_time(text: Any) -> str | None:
    time = _parse_time(text)
    return time.isoformat() if time else None


def _parse_time(text: Any) -> datetime | None:
    try:
        return datetime.strptime(str(text), "%Y %B %d %H:%M:%S")
    except ValueError:
        return None


def _image_records(header: dict[str, Any], keep: list[int]) -> dict[str, xr.Variable]:
    """Ring current and time of each image; those of the first image stand at the top level."""
    records = [header, *(header.get(f"Image{n + 1}", {}) for n in range(1, max(keep) + 1))]
    chosen = [records[index] for index in keep]
    found = {}
    current = [record.get("StorageRingCurrent") for record in chosen]
    if all(isinstance(value, (int, float)) for value in current):
        attrs = {"units": "mA", "long_name": "Storage ring current"}
        found["ring_current"] = xr.Variable("energy", np.asarray(current, np.float64), attrs)
    times = [_parse_time(record.get("Time")) for record in chosen]
    start = _parse_time(header.get("Time"))
    if start and all(times):
        seconds = [(time - start).total_seconds() for time in times if time]
        attrs = {"units": "s", "long_name": "Time since the start of the scan"}
        found["elapsed"] = xr.Variable("energy", np.asarray(seconds), attrs)
    return found
