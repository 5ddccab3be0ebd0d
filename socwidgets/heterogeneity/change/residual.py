"""What stays charged after a discharge, against what chance alone would show (Fig. 14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.heterogeneity.inputs import checked
from socwidgets.model.errors import DataError, ParameterError


@dataclass(frozen=True, slots=True)
class ResidualFraction:
    """Share of the material beyond a threshold, as seen and without the chance hits.

    Attributes
    ----------
    observed : float
        Share beyond the threshold.
    true : float
        ``(observed - p_false)/(1 - p_false)``, cut to 0 to 1.
    p_false : float
        Share of the reference (pristine) state beyond it.
    threshold : float
        In the values' unit.
    """

    observed: float
    true: float
    p_false: float
    threshold: float


def residual_fraction(
    values: Any,
    reference: Any,
    weights: Any = None,
    *,
    quantile: float = 0.05,
    side: str = "low",
    threshold: float | None = None,
) -> ResidualFraction:
    """Share that stays charged after discharge: beyond what the pristine state shows (Fig. 14).

    Parameters
    ----------
    values : array_like
        The state after discharge; NaN is left out.
    reference : array_like
        The pristine state, measured in the same way.
    weights : array_like, optional
        Of `values`.
    quantile : float
        Of the reference that lies beyond the threshold.
    side : {"low", "high"}
        Whether charged means a low value (Raman shift of LiCoO2) or a high one (SOC).
    threshold : float, optional
        Instead of the quantile.

    Returns
    -------
    ResidualFraction
        NaN without values.

    Raises
    ------
    DataError, ParameterError
        If the reference holds no value, or for an unknown side or quantile.
    """
    if side not in ("low", "high") or not 0 < quantile < 0.5:
        raise ParameterError(
            "the side or the quantile is not known",
            expected="'low' or 'high', and a quantile between 0 and 0.5",
            found=f"{side!r} and {quantile!r}",
        )
    v, _, w = checked(values, None, weights)
    ref, _, _ = checked(reference)
    if not ref.size:
        raise DataError("the reference state holds no value", fix="pass the pristine map")
    limit = threshold
    if limit is None:
        limit = float(np.quantile(ref, quantile if side == "low" else 1 - quantile))
    beyond, false = ((x < limit) if side == "low" else (x > limit) for x in (v, ref))
    if not v.size:
        return ResidualFraction(float("nan"), float("nan"), float(np.mean(false)), limit)
    observed, p = float(np.sum(w * beyond)), float(np.mean(false))
    true = float(np.clip((observed - p) / (1 - p), 0, 1)) if p < 1 else float("nan")
    return ResidualFraction(observed, true, p, limit)
