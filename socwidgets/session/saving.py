"""A session in the suite's own file, and back exactly as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import MappingProxyType
from typing import Any

import xarray as xr

from socwidgets.io.bundle import open_bundle, rois_of, save_bundle
from socwidgets.jobs import JobRunner
from socwidgets.model.errors import ReadError
from socwidgets.session.fitting import checked_parameters
from socwidgets.session.session import Session
from socwidgets.session.state import ValueBox

_STATE, _MASK = "session_state", "fit_mask"
#: Fields of the state that are plain values; objects have nodes of their own in the file.
_PLAIN = (
    "map_name", "cmap", "phases", "fade", "overlay", "energy_index", "show_frame", "selected",
    "brush", "pixel", "particle", "line", "state_index", "focus", "fit_method",
)  # fmt: skip
_PAIRS = ("phases", "brush", "pixel", "line")


def save_session(session: Session, path: str | os.PathLike[str]) -> Path:
    """Save everything a session shows: data, maps, references, particles, regions, choices.

    Parameters
    ----------
    session : Session
        A fit that runs is not waited for; the maps there are go into the file. Of a series the
        state that is shown is saved.
    path : path-like
        ``.nc`` or ``.zarr``, see `socwidgets.io.bundle.save_bundle`.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    state = session.state
    chosen: dict[str, Any] = {name: getattr(state, name) for name in _PLAIN}
    chosen["state_index"] = 0
    chosen["limits"] = dict(state.limits)
    chosen["fit_params"] = dict(state.fit_params)
    chosen["charged"] = session.charged
    if state.calibration is not None:
        kind = type(state.calibration).__name__
        chosen["calibration"] = {"kind": kind, **state.calibration.to_dict()}
    if state.box is not None:
        box = state.box
        chosen["box"] = {"x": box.x, "y": box.y, "x_range": box.x_range, "y_range": box.y_range}
    extra = xr.Dataset(attrs={_STATE: json.dumps(chosen)})
    if session.mask is not None:
        extra[_MASK] = session.mask
    return save_bundle(
        path,
        stack=state.stack,
        maps=state.maps,
        references=state.references,
        labels=state.labels,
        rois=list(state.rois) or None,
        session=extra,
    )


def open_session(
    path: str | os.PathLike[str], *, lazy: bool | None = None, runner: JobRunner | None = None
) -> Session:
    """Session of a file, as it was saved; of any other bundle, its objects.

    Parameters
    ----------
    path : path-like
        What `save_session` or `save_bundle` wrote.
    lazy : bool, optional
        Keep the stack on disk; by default only if it exceeds half of the free memory.
    runner : JobRunner, optional
        As for `Session`.

    Returns
    -------
    Session
        With state and maps as they were.

    Raises
    ------
    ReadError
        If it cannot be read, or holds no stack.
    """
    tree = open_bundle(path, lazy=lazy)
    nodes = {name: node.to_dataset() for name, node in tree.children.items()}
    if "stack" not in nodes:
        raise ReadError(
            f"{Path(path).name} holds no stack to explore", found=", ".join(nodes) or "nothing"
        )
    extra = nodes.get("session")
    chosen: dict[str, Any] = json.loads(extra.attrs[_STATE]) if extra is not None else {}
    maps = nodes.get("maps", nodes.get("soc"))
    session = Session(
        nodes["stack"],
        maps,
        _array(nodes.get("references")),
        rois=rois_of(tree),
        charged=chosen.pop("charged", None),
        mask=None if extra is None or _MASK not in extra else extra[_MASK],
        labels=_array(nodes.get("labels")),
        runner=runner,
    )
    session.restore(_fields(chosen))
    return session


def _array(dataset: xr.Dataset | None) -> xr.DataArray | None:
    """The one variable of a node that held an array."""
    return None if dataset is None else next(iter(dataset.data_vars.values()))


def _fields(chosen: dict[str, Any]) -> dict[str, Any]:
    """Fields of the state from their JSON form."""
    fields = dict(chosen)
    for name in _PAIRS:
        if fields.get(name) is not None:
            fields[name] = tuple(fields[name])
    if "limits" in fields:
        limits = {key: (float(low), float(high)) for key, (low, high) in fields["limits"].items()}
        fields["limits"] = MappingProxyType(limits)
    if "fit_params" in fields:
        # Checked anew: JSON made lists of the tuples.
        params = fields["fit_params"] and checked_parameters(
            fields.get("fit_method", "lcf"), fields["fit_params"]
        )
        fields["fit_params"] = MappingProxyType(params)
    if "calibration" in fields:
        fields["calibration"] = _calibration(dict(fields["calibration"]))
    if "box" in fields:
        box = fields["box"]
        fields["box"] = ValueBox(box["x"], box["y"], tuple(box["x_range"]), tuple(box["y_range"]))
    return fields


def _calibration(saved: dict[str, Any]) -> Any:
    from socwidgets.analysis.calibration_lines import StandardsCurve, TwoPoint

    kinds = {kind.__name__: kind for kind in (TwoPoint, StandardsCurve)}
    name = saved.pop("kind", None)
    if name not in kinds:
        raise ReadError(
            "the calibration of this session is not known",
            expected=f"one of {', '.join(kinds)}",
            found=str(name),
        )
    return kinds[name].from_mapping(saved)
