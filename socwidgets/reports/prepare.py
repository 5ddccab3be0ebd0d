"""From what was read to optical density on aligned frames: which steps a report takes, and why."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.kinds import KIND
from socwidgets.model.names import DARK, I0, QUANTITY
from socwidgets.reports.inputs import Inputs
from socwidgets.reports.parameters import SocMapReport


def to_optical_density(inputs: Inputs) -> xr.Dataset:
    """Optical density of the stack; a stack that is optical density already is passed on.

    Raises
    ------
    DataError
        If the stack holds neither counts nor optical density.
    """
    from socwidgets.analysis.optical_density import optical_density

    quantity = inputs.stack.attrs.get(QUANTITY)
    if quantity in ("optical_density", "normalized"):
        return inputs.stack.drop_vars([I0, DARK, "flat"], errors="ignore")
    if quantity not in ("counts", "intensity"):
        raise DataError("this stack cannot become optical density", found=str(quantity))
    return optical_density(inputs.stack, flat=inputs.flat, dark=inputs.dark)


def align(od: xr.Dataset, params: SocMapReport) -> tuple[xr.Dataset, xr.Dataset | None]:
    """Align the frames if the parameters ask for it, or if they drift.

    Returns
    -------
    xarray.Dataset
        The stack, aligned or as it was, with what is left of the drift (``rim_check``).
    xarray.Dataset or None
        Drift of every frame (``dy``, ``dx``, px) as measured; None where nothing was measured.
        ``attrs["corrected"]`` says whether it was undone.
    """
    from socwidgets.analysis.registration import RegistrationParams, register
    from socwidgets.analysis.rim_check import with_rim_check

    if params.registration == "off":
        return od, None
    usual = RegistrationParams()
    chosen = usual.replace(threshold_px=0.0) if params.registration == "always" else usual
    aligned = register(od, chosen)
    drift = aligned[["dy", "dx"]]
    drift.attrs = {"corrected": int(str(aligned.attrs["registration"]).startswith("moved"))}
    return with_rim_check(aligned), drift


def largest_drift(drift: xr.Dataset) -> float:
    """Largest displacement of a frame from the median frame, px."""
    path = np.hypot(drift["dy"] - drift["dy"].median(), drift["dx"] - drift["dx"].median())
    return float(path.max())


def name_quantity(maps: xr.Dataset, params: SocMapReport) -> xr.Dataset:
    """Give the map the name that the parameters state, with fitting words at both ends.

    A name other than the state of charge makes the map a fraction of the charged reference, whose
    ends are the pure references: a mineral's valence is no battery's charge.
    """
    if not params.quantity_name:
        return maps
    result = maps.copy()
    components = [str(name) for name in np.atleast_1d(maps.attrs.get("components", []))]
    charged = params.charged or (components[-1] if components else "charged")
    rest = " + ".join(name for name in components if name != charged) or "the rest"
    words = {"low_words": f"only {rest}", "high_words": f"only {charged}"}
    for name in ("soc", "soc_bounded"):
        if name in result:
            attrs = {**result[name].attrs, "long_name": params.quantity_name, KIND: "fraction"}
            result[name] = result[name].assign_attrs({**attrs, **words})
    if "soc_std" in result:
        text = f"Standard uncertainty: {params.quantity_name}"
        result["soc_std"] = result["soc_std"].assign_attrs(long_name=text)
    return result


def truth_map(inputs: Inputs, drift: xr.Dataset | None) -> xr.DataArray:
    """True state of charge of a phantom on the pixels of the aligned stack.

    Raises
    ------
    DataError
        If the stack was not simulated.
    """
    from socwidgets.phantoms import registered_truth

    if inputs.phantom is None:
        raise DataError("the truth is known for phantoms only", expected="stack='phantom:lfp'")
    undone = drift if drift is not None and drift.attrs.get("corrected") else None
    return registered_truth(inputs.phantom, inputs.stack, undone)["soc"]
