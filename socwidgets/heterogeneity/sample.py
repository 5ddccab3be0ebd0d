"""The pixels that enter a statistic: values, weights, noise and labels, checked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.kinds import Kind, kind_of
from socwidgets.model.names import X, Y, std_name
from socwidgets.model.status import usable


@dataclass(frozen=True, slots=True)
class Sample:
    """Usable pixels of one map.

    Attributes
    ----------
    values, weights, noise_variance : ndarray
        ``(n,)``; weights sum to ``n``, noise variance is NaN where the map carries no sigma.
    labels : ndarray or None
        ``(n,)`` int, 0 = in no particle.
    rows, columns : ndarray
        ``(n,)``, pixel indices.
    shape : tuple of int
        ``(ny, nx)`` of the image.
    kind : Kind
        What the values mean.
    """

    values: np.ndarray
    weights: np.ndarray
    noise_variance: np.ndarray
    labels: np.ndarray | None
    rows: np.ndarray
    columns: np.ndarray
    shape: tuple[int, int]
    kind: Kind

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.values.size


def take_sample(
    maps: xr.Dataset,
    variable: str,
    *,
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
) -> Sample:
    """Collect the usable pixels of a map.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` where known, and ``status``.
    variable : str
        The map, ``(y, x)``.
    labels : xarray.DataArray, optional
        ``(y, x)`` integer; if given, only pixels inside a particle count.
    weights : str, xarray.DataArray or None
        Name of a map in `maps`, a map, or None for equal weights. A projected map must be weighted
        by thickness for its mean to be the mean of the material (science B.9). Where the named map
        is absent, weights are equal; negative weights count as zero.

    Raises
    ------
    DataError
        If a shape does not fit, or no usable pixel with positive weight is left.
    """
    if variable not in maps:
        names = ", ".join(str(name) for name in maps.data_vars)
        raise DataError(f"there is no map {variable!r}", expected=f"one of {names}")
    field = maps[variable].transpose(Y, X)
    kind = kind_of(field)
    keep = usable(maps).transpose(Y, X).values & np.isfinite(field.values)
    particle = None
    if labels is not None:
        if labels.shape != field.shape:
            raise DataError(
                "the labels do not fit the map",
                expected=f"(y, x) of {field.shape}",
                found=str(labels.shape),
            )
        keep &= labels.values > 0
    weight = _weights(maps, weights, field)
    keep &= weight > 0
    if not keep.any():
        raise DataError(
            f"no usable pixel is left in {variable!r}",
            expected="pixels with status ok, a finite value and a positive weight",
            found="none",
            fix="look at the status map: the mask, the labels or the fit excluded everything",
        )
    if labels is not None:
        particle = labels.values[keep].astype(np.int64)
    sigma = maps[std_name(variable)].transpose(Y, X).values if std_name(variable) in maps else None
    noise = np.full(keep.sum(), np.nan) if sigma is None else sigma[keep].astype(float) ** 2
    rows, columns = np.nonzero(keep)
    chosen = weight[keep]
    return Sample(
        field.values[keep].astype(float),
        chosen * (chosen.size / chosen.sum()),
        noise,
        particle,
        rows,
        columns,
        (field.shape[0], field.shape[1]),
        kind,
    )


def _weights(
    maps: xr.Dataset, weights: str | xr.DataArray | None, field: xr.DataArray
) -> np.ndarray:
    if isinstance(weights, str):
        weights = maps.get(weights)
    if weights is None:
        return np.ones(field.shape)
    if weights.shape != field.shape:
        raise DataError(
            "the weights do not fit the map", expected=str(field.shape), found=str(weights.shape)
        )
    return np.nan_to_num(weights.values.astype(float), nan=0.0)
