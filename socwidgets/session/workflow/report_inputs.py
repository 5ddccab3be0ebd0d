"""What a report must be told to show what the workflow shows: its parameters and its inputs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.session.workflow.code import changed
from socwidgets.session.workflow.density import FILES, READ, OpticalDensityStep

if TYPE_CHECKING:
    from socwidgets.session.state import State
    from socwidgets.session.workflow.made import Made

#: Key of the color limits of the map that a report is about, see `socwidgets.session.display.key`.
SOC_KEY = "map:soc"
#: Choices about optical density that a report has parameters for.
_REPORTED = {"flat", "dark"}
#: Parameter of a report -> step of the workflow and its input or parameter.
STEP_OF = {
    "stack": ("open", "path"),
    "flat": ("optical_density", "flat"),
    "dark": ("optical_density", "dark"),
    "references": ("references", "files"),
    "charged": ("calibration", "by"),
    "constraint": ("method", "constraint"),
    "background_degree": ("method", "background_degree"),
    "energy_low": ("method", "low"),
    "energy_high": ("method", "high"),
    "i0_offset": ("i0_offset", "offset"),
    "max_od": ("i0_offset", "max_od"),
    "pre": ("pixels", "pre"),
    "post": ("pixels", "post"),
    "min_jump": ("pixels", "min_jump"),
    "jump_sigma": ("pixels", "jump_sigma"),
    "min_area_um2": ("segmentation", "min_area_um2"),
    "separation_um": ("segmentation", "separation_um"),
    "draws": ("heterogeneity", "draws"),
    "seed": ("heterogeneity", "seed"),
    "projection": ("heterogeneity", "projection"),
}


def screen_parameters(flow: Made, known: list[str]) -> dict[str, Any]:
    """Parameters of a report for what the workflow shows; only those the template knows.

    Parameters
    ----------
    flow : Workflow
        Its steps and their choices; regions, color limits and the energy come from its session.
    known : list of str
        See `parameter_names`.
    """
    found: dict[str, Any] = {}
    for name, (step, key) in STEP_OF.items():
        value = flow.chosen.get(step, {}).get(key)
        if name in known and value not in (None, "", "two_point", "standards"):
            found[name] = list(value) if isinstance(value, tuple) else value
    for name in {"stack", *_REPORTED} & set(found):
        found[name] = os.path.abspath(os.path.expanduser(found[name]))
    # What a report cannot do itself is handed to it: see `save_inputs`.
    if _prepared(flow) is not None:
        found = {k: v for k, v in found.items() if k not in {"stack", *_REPORTED}}
    if _own_references(flow):
        found.pop("references", None)
    if "references" in found:
        found["references"] = _absolute(found["references"])
    if "registration" in known and "open" in flow.products:
        found["registration"] = "auto" if "registration" in flow.products else "off"
    if "i0_offset" in known and "open" in flow.products:
        found.setdefault("i0_offset", "none")  # what was left out here is left out there
    session = flow.session
    if session is not None and session.state.rois and "rois" in known:
        found["rois"] = json.dumps([roi.to_dict() for roi in session.state.rois])
    if session is not None:
        found |= view_parameters(session.state, known)
    return found


def view_parameters(state: State, known: list[str]) -> dict[str, Any]:
    """Color scale that the user chose for the map, and the energy of the frame."""
    found: dict[str, Any] = {}
    if "color_limits" in known and SOC_KEY in state.limits:
        found["color_limits"] = [float(value) for value in state.limits[SOC_KEY]]
    if "energy_shown" in known and state.energy_index:
        axis = state.stack[spectral_dim(state.stack[SIGNAL])]
        found["energy_shown"] = float(axis[state.energy_index])
    return found


def _absolute(files: str) -> str:
    parts = []
    for part in files.split(","):
        name, equals, path = part.rpartition("=")
        path = path.strip()
        known = os.path.abspath(os.path.expanduser(path)) if path else path
        parts.append(f"{name}{equals}{known}")
    return ",".join(parts)


def _prepared(flow: Made) -> str | None:
    """Step whose stack a report must be handed, as it has no parameters for what was done."""
    if "energy_axis" in flow.products:
        return "energy_axis"
    chosen = flow.chosen.get("optical_density")
    if chosen is None:
        return None
    rest = {k: v for k, v in chosen.items() if k != "i0"}
    other = set(changed(OpticalDensityStep.kind_of(chosen), rest)) - _REPORTED
    regional = chosen.get("i0") not in (None, READ, FILES)
    return "optical_density" if other or regional else None


def _own_references(flow: Made) -> bool:
    """Whether the references are not simply those of their files."""
    chosen = flow.chosen.get("references", {})
    return bool(chosen.get("foil")) or chosen.get("interpolation", "cubic") != "cubic"


def save_inputs(flow: Made, folder: Path, given: Mapping[str, Any]) -> dict[str, str]:
    """Write what a report needs and cannot read from its files as a bundle.

    Parameters
    ----------
    flow : Workflow
        Its stack came from memory, or was prepared in a way that reports have no parameters for;
        or its references were.
    folder : Path
        Where the bundle goes.
    given : mapping
        Parameters of the report; what they name is not written.

    Returns
    -------
    dict
        Parameters that name the bundle.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    from socwidgets.io import save_bundle

    found: dict[str, Any] = {}
    if "stack" not in given:
        found["stack"] = flow.products[_prepared(flow) or "open"]
    if "references" not in given and "references" in flow.products:
        found["references"] = flow.products["references"]
    if not found:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    path = os.fspath(save_bundle(folder / "input.nc", **found).resolve())
    return dict.fromkeys(found, path)
