"""Thickness of the sample from its edge jump."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.model.names import std_name

JUMP = "edge_jump"

#: Edge steps of dense materials, 1/cm, at the K edge named (from the tables of xraydb with the
#: densities 3.60, 3.68, 5.05, 4.75, 4.75, 4.78, 4.80, 4.28, 4.45 g/cm3).
EDGE_STEPS = {
    "LFP Fe": 450.0,
    "FP Fe": 482.0,
    "LCO Co": 936.0,
    "NMC333 Ni": 272.0,
    "NMC622 Ni": 490.0,
    "NMC811 Ni": 656.0,
    "NCA Ni": 667.0,
    "LMO Mn": 1022.0,
    "LNMO Ni": 202.0,
}


def edge_step_per_cm(material: str | float) -> float:
    """Edge step in 1/cm of a material by name, or a number as it is.

    Raises
    ------
    ParameterError
        For an unknown name or a number that is not positive.
    """
    if isinstance(material, str):
        if material not in EDGE_STEPS:
            raise ParameterError(
                "the edge step of this material is not tabulated",
                expected=f"one of {', '.join(EDGE_STEPS)}, or a number in 1/cm",
                found=repr(material),
            )
        return EDGE_STEPS[material]
    if not material > 0:
        raise ParameterError("the edge step must be positive", found=f"{material:g} 1/cm")
    return float(material)


def thickness_from_jump(jumps: xr.Dataset, material: str | float) -> xr.Dataset:
    """Thickness ``t = J / (mu_post - mu_pre)`` of dense material.

    Parameters
    ----------
    jumps : xarray.Dataset
        ``edge_jump`` and, where known, ``edge_jump_std``, ``(..., y, x)``, from `edge_jump`.
    material : str or float
        A name of `EDGE_STEPS`, or the step in 1/cm (mass attenuation difference times density).

    Returns
    -------
    xarray.Dataset
        ``thickness`` and ``thickness_std``, um. Pores count as missing material; the uncertainty of
        density and tables (some percent) is not in it. Negative values are noise and are kept.
    """
    per_um = edge_step_per_cm(material) * 1e-4
    found = {"thickness": jumps[JUMP] / np.float32(per_um)}
    found["thickness"].attrs = {"long_name": "Thickness of dense material", "units": "um"}
    if std_name(JUMP) in jumps:
        spread = jumps[std_name(JUMP)] / np.float32(per_um)
        spread.attrs = {"long_name": "Standard uncertainty: thickness", "units": "um"}
        found[std_name("thickness")] = spread
    return xr.Dataset(found).assign_attrs(edge_step_per_cm=edge_step_per_cm(material))
