"""Windows of a method's parameters as ranges on the spectral axis, and back again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.analysis.window_rules import post_window, pre_window
from socwidgets.model.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Window:
    """A range of the spectral axis that a method uses.

    Attributes
    ----------
    name : str
        ``fit``, ``pre-edge``, ``post-edge``, ``white line`` or ``baseline``.
    low, high : float
        In the unit of the axis, within it.
    """

    name: str
    low: float
    high: float


def windows_of(params: Mapping[str, Any], ends: tuple[float, float]) -> tuple[Window, ...]:
    """Windows of complete parameters of a method.

    Parameters
    ----------
    params : mapping
        With E0 and center where the method has them.
    ends : (float, float)
        First and last value of the axis.
    """
    found: list[tuple[str, float, float]] = []
    if "low" in params and "high" in params:
        low, high = params["low"], params["high"]
        found.append(("fit", ends[0] if low is None else low, ends[1] if high is None else high))
    for key, (low, high) in _around_edge(params, ends).items():
        found.append((f"{key}-edge", params["e0"] + low, params["e0"] + high))
    center = params.get("center")
    if center is not None:
        half = params["half_width"]
        found.append(("white line", center - half, center + half))
    if params.get("baseline"):
        found.append(("baseline", *params["baseline"]))
    inside = [
        Window(name, float(np.clip(low, *ends)), float(np.clip(high, *ends)))
        for name, low, high in found
    ]
    return tuple(window for window in inside if window.low < window.high)


def changes_of(
    name: str, low: float, high: float, params: Mapping[str, Any], ends: tuple[float, float]
) -> dict[str, Any]:
    """Parameters that move a window to ``low`` to ``high``.

    E0 becomes a number with it: a window relative to an edge that is found anew in each fit would
    not stay where it was put.

    Raises
    ------
    ParameterError
        If the method has no such window.
    """
    if name == "fit" and "low" in params:
        return {"low": low, "high": high}
    around = _around_edge(params, ends)
    key = name.removesuffix("-edge")
    if key in around:
        e0 = params["e0"]
        # What was only suggested must be said, too: the method's own default lies off the axis.
        default = _defaults(e0, ends)
        said = {k: w for k, w in around.items() if params[k] is None and w != default[k]}
        return {"e0": e0, **said, key: (_round(low - e0), _round(high - e0))}
    if name == "white line" and params.get("center") is not None:
        return {"center": _round((low + high) / 2), "half_width": _round((high - low) / 2)}
    if name == "baseline" and params.get("baseline"):
        return {"baseline": (low, high)}
    raise ParameterError(f"this method has no window {name!r}")


def _defaults(e0: float, ends: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """Windows of a normalization relative to E0 where its parameters leave them open."""
    return {"pre": pre_window(ends[0] - e0), "post": post_window(ends[1] - e0)}


def _around_edge(
    params: Mapping[str, Any], ends: tuple[float, float]
) -> dict[str, tuple[float, float]]:
    """Windows before and after E0, relative to it; on a short axis a suggestion within it."""
    e0 = params.get("e0")
    if e0 is None or "pre" not in params:
        return {}
    before, after = ends[0] - e0, ends[1] - e0
    suggested = {"pre": (before, 0.4 * before), "post": (0.5 * after, after)}
    found = {}
    for key, (low, high) in _defaults(e0, ends).items():
        fits = max(low, before) < min(high, after)
        window = params[key] or ((low, high) if fits else suggested[key])
        found[key] = (float(window[0]), float(window[1]))
    return found


def _round(value: float) -> float:
    """Without the digits that a difference of two energies does not have."""
    return round(value, 6) if math.isfinite(value) else value
