"""The user's own sample, made perfectly homogeneous: same thickness, noise and energies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.heterogeneity.null.frames import FLAT, counts_frame, counts_to_od, noisy_flats
from socwidgets.model.errors import DataError
from socwidgets.model.names import (
    DARK,
    I0,
    QUANTITY,
    SIGNAL,
    SIGNAL_STD,
    X,
    Y,
    spectral_dim,
)
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.status import usable


@dataclass(frozen=True, slots=True)
class HomogeneousSample:
    """Recipe of a homogeneous stack.

    Attributes
    ----------
    stack : xarray.Dataset
        The measured stack, from which noise, flats, energies and everything else are taken.
    spectrum : ndarray
        ``(spectral,)`` optical density per unit of thickness: the mean of the sample, so that its
        SOC is the thickness-weighted mean of the map, whatever the technique.
    thickness : ndarray
        ``(y, x)``, zero where there is no sample.
    noise_std : ndarray or None
        ``(spectral, y, x)`` or ``(spectral, 1, 1)``, optical density; None for counts, whose noise
        is counted.
    shift_px : ndarray
        ``(spectral, 2)``, displacement of each frame along y and x.
    jitter_px : float
        Standard deviation of further random displacements: what registration leaves.
    gain : float
        Photons per count.
    """

    stack: xr.Dataset
    spectrum: np.ndarray
    thickness: np.ndarray
    noise_std: np.ndarray | None
    shift_px: np.ndarray
    jitter_px: float
    gain: float

    def draw(self, seed: Any) -> xr.Dataset:
        """Stack that the instrument would record of the homogeneous sample, with fresh noise."""
        rng = np.random.default_rng(seed)
        dim = spectral_dim(self.stack[SIGNAL])
        shift = self.shift_px + self.jitter_px * rng.standard_normal(self.shift_px.shape)
        stack = self.stack.copy()
        signal = np.empty(self.stack[SIGNAL].transpose(dim, Y, X).shape, np.float32)
        counts = self.noise_std is None
        open_beam = _open_beam(self.stack, dim) if counts else None
        dark = _dark(self.stack, dim) if counts else None
        for e in range(self.spectrum.size):
            thickness = self.thickness
            if np.any(shift[e]):
                thickness = ndimage.shift(thickness, shift[e], order=1, mode="constant")
            od = self.spectrum[e] * thickness
            if open_beam is not None and dark is not None:
                signal[e] = counts_frame(od, open_beam[e], dark[e], self.gain, rng)
            else:
                noise: Any = self.noise_std
                signal[e] = od + np.nan_to_num(noise[e]) * rng.standard_normal(od.shape)
        if FLAT in stack:
            stack[FLAT] = noisy_flats(stack, self.gain, rng)
        kept = np.rint(signal) if self.stack[SIGNAL].dtype.kind in "iu" else signal
        made = (dim, Y, X), kept.astype(self.stack[SIGNAL].dtype), self.stack[SIGNAL].attrs
        stack[SIGNAL] = made
        return stack


def homogeneous_sample(
    stack: xr.Dataset,
    maps: xr.Dataset,
    *,
    thickness: str = "thickness",
    noise_std: Any = None,
    drift: xr.Dataset | None = None,
    jitter_px: float = 0.0,
    gain: float = 1.0,
) -> HomogeneousSample:
    """Make the recipe of a homogeneous sample from a measured stack and the map made of it.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``: optical density (with ``signal_std``), or counts with
        ``flat`` or ``i0``.
    maps : xarray.Dataset
        What the pipeline made of the stack; its usable pixels are the sample.
    thickness : str
        Map of the thickness; where it is absent or NaN, the amount of the mean spectrum in each
        pixel.
    noise_std : float or array_like, optional
        Noise of the optical density, a number, ``(spectral,)`` or ``(spectral, y, x)``, in the
        place of ``signal_std``.
    drift : xarray.Dataset, optional
        ``dy`` and ``dx`` ``(spectral,)`` in px, as a registered stack holds them: a raw stack's
        sample then drifts as it did, so that the registration has its work to do.
    jitter_px : float
        See `HomogeneousSample`.
    gain : float
        Photons per count.

    Returns
    -------
    HomogeneousSample
        Draw from it as often as wanted.

    Raises
    ------
    DataError
        If the stack has more dimensions, its noise is not known, or shapes do not fit.
    SchemaError
        If it is no stack.
    """
    validate_stack(stack)
    require_quantity(stack, ("optical_density", "counts"), "the null test")
    dim = spectral_dim(stack[SIGNAL])
    signal = stack[SIGNAL]
    if set(signal.dims) != {dim, Y, X}:
        raise DataError(
            "the null test takes one stack at a time",
            expected=f"dims {dim}, y, x",
            found=str(signal.dims),
            fix="select one state with isel",
        )
    if not (jitter_px >= 0 and gain > 0):
        raise DataError("jitter and gain must not be negative", found=f"{jitter_px}, {gain}")
    shift = _shift(drift, signal.sizes[dim])
    od = _optical_density(stack, dim, shift)
    inside = usable(maps).transpose(Y, X).values
    if inside.shape != od.shape[1:]:
        raise DataError(
            "the map does not fit its stack",
            expected=f"(y, x) of {od.shape[1:]}",
            found=str(inside.shape),
            fix="the pipeline must not crop or bin",
        )
    amount = _amount(od, inside, maps, thickness)
    used = inside & np.isfinite(od).all(axis=0) & (amount > 0)
    if not used.any():
        raise DataError("no usable pixel with a thickness above zero is left in the map")
    spectrum = od[:, used].sum(axis=1, dtype=np.float64) / amount[used].sum()
    noise = None
    if stack.attrs[QUANTITY] == "optical_density":
        noise = _noise(stack, dim, noise_std, od.shape)
    return HomogeneousSample(stack, spectrum, amount, noise, shift, float(jitter_px), float(gain))


def _shift(drift: xr.Dataset | None, size: int) -> np.ndarray:
    if drift is None:
        return np.zeros((size, 2))
    shift = np.stack([np.asarray(drift[f"d{axis}"].values, float).ravel() for axis in (Y, X)], 1)
    if shift.shape != (size, 2) or not np.all(np.isfinite(shift)):
        raise DataError(
            "the drift does not fit the stack",
            expected=f"dy and dx of {size} frames, finite",
            found=str(shift.shape),
        )
    return shift


def _optical_density(stack: xr.Dataset, dim: str, shift: np.ndarray) -> np.ndarray:
    signal = stack[SIGNAL].transpose(dim, Y, X).values
    if stack.attrs[QUANTITY] == "counts":
        signal = counts_to_od(signal, _open_beam(stack, dim), _dark(stack, dim))
    if not shift.any():
        return signal
    # Moved back, so that a pixel's spectrum is that of one place.
    moved = [
        ndimage.shift(np.nan_to_num(frame), -by, order=1, mode="nearest")
        for frame, by in zip(signal, shift, strict=True)
    ]
    return np.stack(moved)


def _amount(od: np.ndarray, inside: np.ndarray, maps: xr.Dataset, name: str) -> np.ndarray:
    """Thickness of every pixel: of the fit inside, of the mean spectrum elsewhere."""
    finite = np.isfinite(od).all(axis=0)
    mean = od[:, inside & finite].mean(axis=1, dtype=np.float64)
    norm = float(mean @ mean)
    if not norm > 0:
        raise DataError("the sample absorbs nothing", fix="look at the map's status and the stack")
    projected = np.where(finite, np.tensordot(mean / norm, np.nan_to_num(od), axes=1), 0.0)
    if name not in maps:
        return np.maximum(projected, 0.0)
    fitted = np.asarray(maps[name].transpose(Y, X).values, dtype=np.float64)
    known = inside & np.isfinite(fitted) & (fitted > 0)
    if not known.any() or not projected[known].sum() > 0:
        return np.maximum(projected, 0.0)
    scale = fitted[known].sum() / projected[known].sum()
    return np.where(known, fitted, np.maximum(projected * scale, 0.0))


def _noise(stack: xr.Dataset, dim: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    if given is None and SIGNAL_STD not in stack:
        raise DataError(
            "the noise of the stack is not known",
            expected="a variable signal_std, or noise_std=",
            found="neither",
            fix="make the optical density from counts, or state the noise",
        )
    if given is None:
        return stack[SIGNAL_STD].transpose(dim, Y, X).values
    noise = np.asarray(given, dtype=np.float64)
    noise = noise[:, None, None] if noise.ndim == 1 else noise
    if noise.shape not in ((), shape, (shape[0], 1, 1)) or not np.all(noise >= 0):
        raise DataError(
            "the noise does not fit the stack",
            expected=f"a number, ({shape[0]},) or {shape}, zero or more",
            found=str(np.shape(given)),
        )
    return np.broadcast_to(noise, (shape[0], 1, 1) if noise.ndim == 0 else noise.shape)


def _open_beam(stack: xr.Dataset, dim: str) -> np.ndarray:
    """Mean counts without the sample, ``(spectral, y, x)`` or broadcastable to it."""
    source = stack[FLAT] if FLAT in stack else stack.get(I0)
    if source is None:
        raise DataError("a stack of counts needs its flat or i0 for the null test")
    source = source.mean([d for d in source.dims if d not in (dim, Y, X)])
    return _as_frames(source, stack, dim)


def _dark(stack: xr.Dataset, dim: str) -> np.ndarray:
    found = stack[DARK] if DARK in stack else xr.DataArray(np.float32(0))
    return _as_frames(found, stack, dim)


def _as_frames(values: xr.DataArray, stack: xr.Dataset, dim: str) -> np.ndarray:
    for axis in (dim, Y, X):
        if axis not in values.dims:
            values = values.expand_dims({axis: 1 if axis != dim else stack.sizes[dim]})
    return np.asarray(values.transpose(dim, Y, X).values, dtype=np.float32)
