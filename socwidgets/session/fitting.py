"""Fits that a session starts: checked parameters, the work itself, and what becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from socwidgets.model.mapset import display_maps
from socwidgets.model.names import SIGNAL, STATUS, spectral_dim
from socwidgets.model.stack import transmitted_with
from socwidgets.model.status import Status, status_counts
from socwidgets.session.state import State

if TYPE_CHECKING:
    from socwidgets.analysis.calibration import Calibration

#: Methods in words.
METHOD_WORDS = {
    "lcf": "linear combination of references", "white_line": "white line energy",
    "edge_energy": "edge energy", "pre_edge": "pre-edge and jump", "peaks": "peaks",
}  # fmt: skip

_LEFT_OUT = (Status.MASKED, Status.LOW_SIGNAL)


def checked_parameters(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Complete, checked parameters of a method.

    Raises
    ------
    ParameterError
        If the method or a parameter is unknown or a value does not fit.
    """
    from socwidgets.analysis.methods import get_method

    return get_method(method).parameters.from_mapping(params).to_dict()


def mask_of(maps: xr.Dataset | None) -> xr.DataArray | None:
    """Pixels that earlier maps were made from, ``(y, x)`` bool; None if there are none."""
    if maps is None or STATUS not in maps:
        return None
    left_out = maps[STATUS].isin([int(code) for code in _LEFT_OUT])
    weak = bool((maps[STATUS] == int(Status.LOW_SIGNAL)).any())
    return (~left_out).assign_attrs(false_means="low_signal" if weak else "masked")


def run(
    state: State,
    method: str,
    params: dict[str, Any],
    mask: xr.DataArray | None,
    charged: str | None,
    *,
    progress: Callable[[int, int], None],
    cancel: threading.Event,
) -> xr.Dataset:
    """Fit the stack; a linear combination fit also gets its SOC maps in front."""
    from socwidgets.analysis.fit import fit_map

    fit = fit_map(
        state.stack,
        method,
        params,
        references=state.references,
        mask=mask,
        progress=progress,
        cancel=cancel,
    )
    return with_calibration(fit, state.calibration, charged)


def with_calibration(
    fit: xr.Dataset, calibration: Calibration | None, charged: str | None
) -> xr.Dataset:
    """A fit with its calibrated maps in front, where it is clear how to calibrate it."""
    from socwidgets.analysis.calibration import calibrated_map, soc_map

    if calibration is not None and calibration.variable in fit:
        made = calibrated_map(fit, calibration)
    elif np.size(fit.attrs.get("components", ())) >= 2:
        made = soc_map(fit, charged=charged)
    else:
        return fit
    rest = [name for name in fit.data_vars if name not in made]
    return made.assign({name: fit[name] for name in rest}).assign_attrs({**fit.attrs, **made.attrs})


def can_fit(state: State) -> bool:
    """Whether the method in use has what it needs."""
    return not lacking(state)


def lacking(state: State) -> str:
    """What the method in use lacks, in a sentence; empty if it has all that it needs."""
    from socwidgets.analysis.methods import get_method

    if transmitted_with(state.stack):
        return "These are counts: a fit needs optical density. Convert them first."
    if state.references is None and get_method(state.fit_method).needs_references:
        return "Give references to explore() for this method, or choose another one."
    return ""


def completed(state: State, overall: Callable[[], xr.Dataset]) -> dict[str, Any]:
    """Parameters in use, with what the method finds itself filled in from the mean spectrum.

    Raises
    ------
    DataError
        If the spectrum does not show what is looked for.
    """
    from socwidgets.analysis.methods import get_method

    method = get_method(state.fit_method)
    params = method.parameters.from_mapping(dict(state.fit_params))
    if method.complete is not None:
        coord = state.stack[spectral_dim(state.stack[SIGNAL])]
        params = method.complete(params, coord, lambda: overall()["mean"].values.astype(float))
    return params.to_dict()


def warm_up(method: str, *, progress: Callable[[int, int], None], cancel: threading.Event) -> None:
    """Compile what a first fit with a method needs."""
    from socwidgets.analysis.fit import warm_up as compile_kernels

    if not cancel.is_set():
        compile_kernels([method])
    progress(1, 1)


#: Fields of a state without maps: the frames are shown.
NO_MAPS: Mapping[str, Any] = MappingProxyType(
    {
        "maps": None, "preview": None, "map_name": None, "show_frame": True, "brush": None,
        "box": None, "series": None, "state_index": 0, "phases": (),
    }
)  # fmt: skip


def new_maps(state: State, maps: xr.Dataset) -> dict[str, Any]:
    """Fields that change with a new map set."""
    names = display_maps(maps)
    name = state.map_name if state.map_name in names else names[0]
    return {
        "maps": maps,
        "preview": None,
        "map_name": name,
        "show_frame": False,
        "brush": None,
        "box": None,
        "phases": tuple(n for n in state.phases if n in names),
    }


def done_message(maps: xr.Dataset, seconds: float) -> str:
    """One line about a finished fit."""
    total = int(next(iter(maps.data_vars.values())).size)
    text = f"{total:,} pixels in {seconds:.1f} s"
    if STATUS not in maps:
        return text
    counts = status_counts(maps[STATUS])
    fitted = counts.get("ok", 0) + counts.get("at_bound", 0)
    return f"{fitted:,} of {text} have a value"
