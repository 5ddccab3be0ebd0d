"""Optical density of blocks of counts, with its counting noise, compiled.

One pass over the samples: dark and flat are taken off, the transmission is clipped, its logarithm
taken and its noise propagated while a row of pixels is in the L1 cache. Twin:
`socwidgets.kernels.optical_density_reference`.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.doors import doors

#: Pixels of a run.
_LANES = 2048

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, MASKED, SATURATED = 0, 1, 6

door, inner = doors(error_model="numpy", fastmath={"contract", "nsz"})

# Bits of the float32 sqrt(2)/2: the mantissa is brought into [0.7, 1.4), where
# log(1 + f) is a short polynomial in f.
_BITS_HALF_ROOT = np.int32(0x3F3504F3)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)


def optical_density_block(
    counts: np.ndarray,
    flat: np.ndarray,
    dark: np.ndarray,
    start: int,
    stop: int,
    out: np.ndarray,
    std: np.ndarray | None,
    status: np.ndarray,
    *,
    clip_low: float = 1e-4,
    clip_high: float = 20.0,
    max_od: float = 3.0,
    photons_per_count: float = 1.0,
    per_flat: float | np.ndarray = 0.0,
) -> None:
    """Optical density of pixels ``start:stop``.

    Parameters
    ----------
    counts : ndarray
        ``(E, N)``, C-contiguous, uint16 or float32; NaN where there is no sample.
    flat, dark : ndarray
        Counts without sample and without beam, float32, ``(E or 1, N or 1)``: one for all energies,
        one for all pixels, or one for each. A flat that is not brighter than the dark gives NaN.
    start, stop : int
        Range of pixels.
    out : ndarray
        ``(E, N)`` float32, gets ``-ln((I - D)/(I0 - D))`` of the clipped transmission; NaN where
        ``I <= D``.
    std : ndarray or None
        ``(E, N)`` float32, gets ``sqrt((1/T + per_flat)/N0)``, T the transmission and N0 the
        photons of the flat.
    status : ndarray
        ``(N,)`` uint8: MASKED (no counts above the dark at any energy), SATURATED (a transmission
        outside the clipping range or an optical density above `max_od`) or OK.
    clip_low, clip_high : float
        Range of transmissions; what lies outside is set to its end.
    photons_per_count : float
        Gain of the detector, for the noise.
    per_flat : float or ndarray
        One over the number of flats that were averaged, 0 for a flat without noise; one for all
        energies or ``(E,)``.
    """
    limits = np.array([clip_low, clip_high, max_od, photons_per_count], np.float32)
    shares = np.empty(counts.shape[0], np.float32)
    shares[:] = per_flat
    _optical_density(
        counts, flat, dark, start, stop, limits, shares, std is not None, out,
        out[:1, :1] if std is None else std, status,
    )  # fmt: skip


@door
def _optical_density(
    counts, flat, dark, start, stop, limits, shares, has_std, out, std, status
):  # fmt: skip
    bright = np.empty(_LANES, np.float32)
    shade = np.empty(_LANES, np.float32)
    through = np.empty(_LANES, np.float32)
    brightest, low, high = (
        np.empty(_LANES, np.float32), np.empty(_LANES, np.float32), np.empty(_LANES, np.float32)
    )  # fmt: skip
    for first in range(start, stop, _LANES):
        n = min(_LANES, stop - first)
        brightest[:n] = 0.0
        low[:n] = math.inf
        high[:n] = 0.0
        for e in range(counts.shape[0]):
            _load(dark, e, first, n, shade)
            _load(flat, e, first, n, bright)
            _transmission(
                counts[e, first : first + n], bright, shade, brightest, low, high, through
            )
            minus_log(through, limits[0], limits[1], out[e, first : first + n])
            if has_std:
                _noise(through, bright, limits[3], shares[e], std[e, first : first + n])
        _judge(brightest, low, high, limits, status[first : first + n])


@inner
def _load(source, e, first, n, target):
    """One row of an array that may be the same for all energies or for all pixels."""
    row = e if source.shape[0] > 1 else 0
    if source.shape[1] > 1:
        for p in range(n):
            target[p] = source[row, first + p]
    else:
        for p in range(n):
            target[p] = source[row, 0]


@inner
def _transmission(counts, bright, shade, brightest, low, high, through):
    """Transmission of samples above the dark, NaN for others; extremes; bright - shade."""
    nothing = np.float32(math.nan)
    for p in range(counts.size):
        signal = np.float32(counts[p]) - shade[p]
        beam = bright[p] - shade[p]
        bright[p] = beam if beam > 0.0 else nothing
        through[p] = signal / beam if (signal > 0.0) & (beam > 0.0) else nothing
        # A comparison with NaN is false: a bad sample moves no extreme.
        brightest[p] = signal if signal > brightest[p] else brightest[p]
    for p in range(counts.size):
        ratio = through[p]
        low[p] = ratio if ratio < low[p] else low[p]
        high[p] = ratio if ratio > high[p] else high[p]


@inner
def _clip(value, low, high):
    """NaN fails both comparisons and passes through."""
    if value < low:
        return low
    if value > high:
        return high
    return value


@inner
def minus_log(values, low, high, out):
    """``-ln`` of clipped float32 values, relative error below 3e-7; clips `values` in place.

    NaN stays NaN. The exponent is split off by integer arithmetic on the bits, because a call of
    the C library's logarithm for each sample would forbid vectorizing; the polynomial is the one of
    Cephes' ``logf`` (Moshier 1989). `low` must be a normal number.
    """
    for p in range(out.size):
        value = np.float32(_clip(values[p], low, high))
        values[p] = value
        # Sums of two int32 are int64 here; narrowed at once, they stay in narrow lanes.
        bits = np.int32(value.view(np.int32) - _BITS_HALF_ROOT)
        exponent = np.int32(bits >> np.int32(23))
        mantissa = np.int32((bits & np.int32(0x007FFFFF)) + _BITS_HALF_ROOT).view(np.float32)
        f = mantissa - np.float32(1.0)
        square = f * f
        tail = np.float32(7.0376836292e-2)
        tail = tail * f - np.float32(1.1514610310e-1)
        tail = tail * f + np.float32(1.1676998740e-1)
        tail = tail * f - np.float32(1.2420140846e-1)
        tail = tail * f + np.float32(1.4249322787e-1)
        tail = tail * f - np.float32(1.6668057665e-1)
        tail = tail * f + np.float32(2.0000714765e-1)
        tail = tail * f - np.float32(2.4999993993e-1)
        tail = tail * f + np.float32(3.3333331174e-1)
        power = np.float32(exponent)
        rest = tail * f * square + power * _LN2_LOW - np.float32(0.5) * square
        result = f + rest + power * _LN2_HIGH
        # NaN has bits too: adding 0 * value brings it back.
        out[p] = np.float32(0.0) * value - result


@inner
def _noise(through, beam, gain, share, std):
    for p in range(std.size):
        photons = beam[p] * gain
        std[p] = math.sqrt((np.float32(1.0) / through[p] + share) / photons)


@inner
def _judge(brightest, low, high, limits, status):
    for p in range(status.size):
        darkest = max(low[p], limits[0])
        clipped = (low[p] < limits[0]) | (high[p] > limits[1])
        # Only a pixel with a sample has a smallest transmission.
        dense = (low[p] < math.inf) & (-math.log(darkest) > limits[2])
        code = np.uint8(SATURATED) if clipped | dense else np.uint8(OK)
        status[p] = code if brightest[p] > 0.0 else np.uint8(MASKED)
