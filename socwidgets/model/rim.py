"""When frames that are out of place make a rim that looks like a core and a shell.

Measured on a stack (`socwidgets.analysis.rim_check`) or, where there is only a map, on the map
itself (the heterogeneity card): the rule is the same, and a verdict that was reached on the stack
travels with its maps in an attribute.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

#: Attribute of a stack and of the maps made from it: JSON text of a verdict.
RIM_CHECK = "rim_check"
#: Frames displaced by more than this make a rim that looks like a core and a shell, px.
LIMIT_PX = 0.5
#: A displacement below so many of its own standard uncertainties is not believed.
SIGNIFICANCE = 3.0


def makes_a_rim(
    size_px: Any, std_px: Any, false: Any, noise: Any, limit_px: float = LIMIT_PX
) -> np.ndarray:
    """Whether displacements make a rim artifact.

    Parameters
    ----------
    size_px, std_px : float or ndarray
        Displacement and its standard uncertainty, px.
    false, noise : float or ndarray
        What it does to a pixel of the rim, and the noise of that pixel, in the same unit; a noise
        of NaN is not known and excuses nothing.
    limit_px : float
        Displacement that is let pass, px.

    Returns
    -------
    ndarray of bool
    """
    seen = np.asarray(false) > np.nan_to_num(np.asarray(noise, float))
    size = np.asarray(size_px)
    return np.asarray((size > limit_px) & (size > SIGNIFICANCE * np.asarray(std_px)) & seen)


def verdict_text(passed: bool, message: str) -> str:
    """Value of the attribute `RIM_CHECK`."""
    return json.dumps({"passed": bool(passed), "message": message})


def read_verdict(attrs: Any) -> tuple[bool, str] | None:
    """Verdict in the attributes of a stack or a map set, or None."""
    if RIM_CHECK not in attrs:
        return None
    found = json.loads(str(attrs[RIM_CHECK]))
    return bool(found["passed"]), str(found["message"])
