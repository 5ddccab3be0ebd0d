"""Mass balance of a report: the mean of the map against the charge that has passed."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.limits.mass_balance import MassBalance, mass_balance
from socwidgets.model.kinds import KIND
from socwidgets.reports.parameters import SocMapReport
from socwidgets.reports.results import Number

#: Attributes of a stack that state the charge passed, named like the parameters.
CHARGE, CHARGE_STD = "charge_soc", "charge_soc_std"


def balance_of(
    params: SocMapReport,
    stack: xr.Dataset,
    maps: xr.Dataset,
    labels: xr.DataArray | None = None,
    *,
    systematic_std: float = 0.0,
) -> MassBalance | None:
    """Mass balance of a map, where the parameters or the file state the charge passed.

    Parameters
    ----------
    params : SocMapReport
        ``charge_soc`` and its uncertainty; what the user stated wins.
    stack : xarray.Dataset
        Its attributes of the same names come next.
    maps : xarray.Dataset
        Map set with ``soc``.
    labels : xarray.DataArray, optional
        Particles ``(y, x)``.
    systematic_std : float
        Common standard uncertainty of all pixels, from the energy scale.

    Returns
    -------
    MassBalance or None
        None where nobody stated a charge, or the map is no state of charge.
    """
    soc, std = params.charge_soc, params.charge_soc_std
    if soc is None:
        soc = _number(stack.attrs.get(CHARGE))
        stated = _number(stack.attrs.get(CHARGE_STD))
        std = std if stated is None else stated
    if soc is None or maps["soc"].attrs.get(KIND) != "soc":
        return None
    return mass_balance(
        maps, soc, std, labels, calibration_std=systematic_std, draws=params.draws,
        seed=params.seed,
    )  # fmt: skip


def balance_numbers(balance: MassBalance | None) -> dict[str, Number]:
    """Charge and mismatch as numbers of a report; empty without a balance."""
    if balance is None:
        return {}
    found = {entry.name: entry for entry in balance.entries()}
    return {
        name: Number(found[name].value, label, std=found[name].std, method=found[name].note)
        for name, label in (
            ("charge_soc", "State of charge by coulometry"),
            ("mass_balance", "Map minus coulometry"),
        )
    }


def _number(value: Any) -> float | None:
    """A finite number, or None for anything else that a file may hold."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if np.isfinite(found) else None
