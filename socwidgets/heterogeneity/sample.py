"""The pixels that enter a statistic: values, weights, noise and labels, checked once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.fitting import fitting_labels, like_map, map_of, spacing_um
from socwidgets.model.errors import DataError
from socwidgets.model.kinds import Kind, kind_of
from socwidgets.model.names import STATUS, std_name
from socwidgets.model.noise_shape import WHITE, NoiseShape
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
    position : tuple of ndarray
        ``(n,)`` pixel indices along each dimension: y, x or z, y, x.
    shape : tuple of int
        ``(y, x)`` or ``(z, y, x)`` of the image.
    kind : Kind
        What the values mean.
    spacing_um : tuple of float
        Pixel size along each dimension; 1 where the axis carries no positions.
    noise_shape : NoiseShape
        What the noise of neighbors has in common; registration leaves that.
    length_units : str
        ``um``, or ``px`` where an axis counts pixels.
    """

    values: np.ndarray
    weights: np.ndarray
    noise_variance: np.ndarray
    labels: np.ndarray | None
    position: tuple[np.ndarray, ...]
    shape: tuple[int, ...]
    kind: Kind
    spacing_um: tuple[float, ...] = (1.0, 1.0)
    noise_shape: NoiseShape = WHITE
    length_units: str = "um"

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.values.size

    @property
    def rows(self) -> np.ndarray:
        """``(n,)`` index along y."""
        return self.position[-2]

    @property
    def columns(self) -> np.ndarray:
        """``(n,)`` index along x."""
        return self.position[-1]

    def image(self, values: np.ndarray | None = None, fill: float = 0.0) -> np.ndarray:
        """Put values ``(n,)`` (the sample's own if left out) back into an image of `shape`."""
        found = np.full(self.shape, fill)
        found[self.position] = self.values if values is None else values
        return found

    @property
    def particle(self) -> np.ndarray:
        """``(n,)`` label of each pixel.

        Raises
        ------
        DataError
            If the sample was taken without labels.
        """
        if self.labels is None:
            raise DataError("this needs particles", fix="pass labels (segment_particles)")
        return self.labels

    def subset(self, chosen: np.ndarray) -> Sample:
        """Part of the sample, by a boolean ``(n,)``; the weights keep their scale."""
        return replace(
            self,
            values=self.values[chosen],
            weights=self.weights[chosen],
            noise_variance=self.noise_variance[chosen],
            labels=None if self.labels is None else self.labels[chosen],
            position=tuple(place[chosen] for place in self.position),
        )

    def seen(self) -> np.ndarray:
        """Boolean image of the pixels of the sample."""
        found = np.zeros(self.shape, dtype=bool)
        found[self.position] = True
        return found


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
        The map, ``(y, x)`` or ``(z, y, x)``.
    labels : xarray.DataArray, optional
        Of the map's shape, integer; if given, only pixels inside a particle count.
    weights : str, xarray.DataArray or None
        Name of a map in `maps`, a map, or None for equal weights. A projected map must be weighted
        by thickness for its mean to be the mean of the material. Where the named map
        is absent, weights are equal; negative weights count as zero.

    Returns
    -------
    Sample
        Values ``(n,)`` in the unit of the map, weights of mean 1, noise variances (NaN where not
        known) and where the pixels lie.

    Raises
    ------
    DataError
        If `maps` is no map set, a shape does not fit, a sigma is negative, the map is a series, or
        no usable pixel with positive weight is left. A pixel of infinite sigma is not usable.
    """
    field = map_of(maps, variable)
    kind = kind_of(field)
    keep = like_map(usable(maps), STATUS, field) & np.isfinite(field.values)
    sigma = _sigma(maps, variable, field)
    # An infinite sigma says that nothing was measured there.
    keep &= ~np.isinf(sigma)
    particle = None if labels is None else fitting_labels(labels, field)
    if particle is not None:
        keep &= particle > 0
    weight = _weights(maps, weights, field)
    keep &= weight > 0
    if not keep.any():
        raise DataError(
            f"no usable pixel is left in {variable!r}",
            expected="pixels with status ok, a finite value and a positive weight",
            found="none",
            fix="look at the status map: the mask, the labels or the fit excluded everything",
        )
    chosen = weight[keep]
    return Sample(
        field.values[keep].astype(float),
        chosen * (chosen.size / chosen.sum()),
        _noise_variance(sigma[keep], std_name(variable)),
        None if particle is None else particle[keep].astype(np.int64),
        np.nonzero(keep),
        field.shape,
        kind,
        spacing_um(field),
        NoiseShape.of(maps.attrs),
        "px" if any(_counts_pixels(field, str(dim)) for dim in field.dims) else "um",
    )


def _counts_pixels(field: xr.DataArray, dim: str) -> bool:
    return dim not in field.coords or field[dim].attrs.get("units") == "pixel"


def compact(labels: np.ndarray) -> np.ndarray:
    """Renumber labels ``(n,)`` to 0, 1, 2 ... in their order, without sorting where it can be."""
    if labels.size and labels.dtype.kind in "iu":
        low, high = int(labels.min()), int(labels.max())
        if high - low < 4 * labels.size + 1000:
            seen = np.zeros(high - low + 1, dtype=bool)
            seen[labels - low] = True
            return (np.cumsum(seen) - 1)[labels - low]
    return np.unique(labels, return_inverse=True)[1]


def _sigma(maps: xr.Dataset, variable: str, field: xr.DataArray) -> np.ndarray:
    """Standard uncertainty of every pixel, NaN where it is not known."""
    name = std_name(variable)
    if name not in maps:
        return np.full(field.shape, np.nan)
    return like_map(maps[name], name, field).astype(float)


def _noise_variance(sigma: np.ndarray, name: str) -> np.ndarray:
    if (sigma < 0).any():
        raise DataError(
            f"{name!r} holds negative standard uncertainties",
            expected="numbers from 0, NaN where unknown",
            found=f"{int((sigma < 0).sum())} negative pixels, down to {np.nanmin(sigma):.3g}",
        )
    return sigma**2


def _weights(
    maps: xr.Dataset, weights: str | xr.DataArray | None, field: xr.DataArray
) -> np.ndarray:
    if isinstance(weights, str):
        weights = maps.get(weights)
    if weights is None:
        return np.ones(field.shape)
    if set(weights.dims) == set(field.dims):
        weights = weights.transpose(*field.dims)
    if weights.shape != field.shape:
        raise DataError(
            "the weights do not fit the map", expected=str(field.shape), found=str(weights.shape)
        )
    found = weights.values.astype(float)
    # Infinite weights would make every mean NaN; they count as none, like NaN and negative ones.
    return np.where(np.isfinite(found), found, 0.0)
