"""What wrong references would do to an LCF map: a band beside the statistical sigma."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.model import provenance
from socwidgets.model.errors import ReferenceSpectraError
from socwidgets.model.names import COMPONENT, spectral_dim
from socwidgets.model.references import align_references, component_names, shift_references

SYSTEMATIC_SUFFIX = "_systematic"
SHIFT_EV = 0.3
AMPLITUDE = 0.03


def systematic_band(
    stack: xr.Dataset,
    references: xr.DataArray,
    *,
    mask: xr.DataArray | None = None,
    shift: float = SHIFT_EV,
    amplitude: float = AMPLITUDE,
    **options: Any,
) -> xr.Dataset:
    """Linear combination fit with a systematic band for every fraction.

    Each reference in turn is moved by plus and minus `shift` and scaled by plus and minus
    `amplitude`; half the difference that a pair makes is one contribution, and they are added in
    quadrature. Unlike the statistical sigma the band does not average away over pixels.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``.
    references : xarray.DataArray
        ``(component, spectral)``.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool.
    shift : float
        Axis units. Only where one reference stands against the *others*: a shift of the whole
        scale is `image_shift`'s.
    amplitude : float
        Relative.
    **options
        Options of the linear combination fit. Its window is narrowed by `shift` where the
        references would otherwise not cover it.

    Returns
    -------
    xarray.Dataset
        As from `fit_map`, with ``fraction_<name>_free_systematic`` for each reference (NaN where
        the fraction is). Attributes: ``systematic_shift``, ``systematic_amplitude`` and
        ``systematic_of_mean``, the band of the mean fraction of each component over all pixels
        with a value (the signs of the pixels kept).

    Raises
    ------
    ReferenceSpectraError
        If the references are too short to be moved.
    """
    names = list(component_names(references))
    dim = spectral_dim(references)
    axis, coord = references[dim].values, stack[dim].values
    low = max(options.pop("low", None) or -np.inf, axis[0] + shift, coord[0])
    high = min(options.pop("high", None) or np.inf, axis[-1] - shift, coord[-1])
    if low >= high:
        raise ReferenceSpectraError(
            "the references are too short to be moved",
            expected=f"references that reach {shift:g} beyond the fit window",
            found=f"{axis[0]:g} to {axis[-1]:g}",
        )
    window = {**options, "low": low, "high": high}
    maps = fit_map(stack, "lcf", window, references=references, mask=mask)
    variables = [f"fraction_{name}_free" for name in names]
    squares = {name: xr.zeros_like(maps[name], dtype=float) for name in variables}
    of_mean = dict.fromkeys(variables, 0.0)
    for pair in _perturbed(references, shift, amplitude):
        up, down = (
            fit_map(stack, "lcf", window, references=moved, mask=mask)[variables] for moved in pair
        )
        for name in variables:
            half = 0.5 * (up[name] - down[name]).astype(float)
            squares[name] = squares[name] + half**2
            of_mean[name] += float(half.mean()) ** 2
    for name in variables:
        band: xr.DataArray = squares[name] ** 0.5
        maps[name + SYSTEMATIC_SUFFIX] = band.assign_attrs(
            long_name=f"Systematic uncertainty: {maps[name].attrs['long_name']}", units="1"
        )
    maps.attrs.update(systematic_shift=shift, systematic_amplitude=amplitude)
    maps.attrs["systematic_of_mean"] = [float(np.sqrt(of_mean[name])) for name in variables]
    called = {**window, "shift": shift, "amplitude": amplitude}
    name = "socwidgets.analysis.lcf_systematics.systematic_band"
    return provenance.record(maps, name, called, source=maps)


def _perturbed(
    references: xr.DataArray, shift: float, amplitude: float
) -> list[tuple[xr.DataArray, xr.DataArray]]:
    """Pairs of reference sets with one spectrum moved or scaled up and down."""
    dim = spectral_dim(references)
    axis = references[dim]
    inside = axis[(axis >= axis[0] + shift) & (axis <= axis[-1] - shift)]
    pairs = []
    for number in range(references.sizes[COMPONENT]):
        moved = []
        for sign in (1.0, -1.0):
            # On the points that every moved spectrum covers: nothing is extrapolated.
            base = align_references(references, _padded(axis, inside, shift)).copy()
            one = references.isel({COMPONENT: [number]})
            base[number] = align_references(
                shift_references(one, sign * shift), _padded(axis, inside, shift)
            ).values[0]
            moved.append(base)
        pairs.append((moved[0], moved[1]))
        scaled = []
        for sign in (1.0, -1.0):
            base = references.copy(deep=True)
            base[number] = base[number] * (1.0 + sign * amplitude)
            scaled.append(base)
        pairs.append((scaled[0], scaled[1]))
    return pairs


def _padded(axis: xr.DataArray, inside: xr.DataArray, shift: float) -> xr.DataArray:
    """Inner points of an axis with both ends of the common range added."""
    low, high = float(axis[0]) + shift, float(axis[-1]) - shift
    values = np.unique(np.concatenate([[low], inside.values, [high]]))
    return xr.DataArray(values, dims=axis.dims, name=axis.name, attrs=axis.attrs)
