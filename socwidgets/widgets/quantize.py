"""Small binary forms of maps and masks for the browser: 16-bit codes and packed bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Code of a pixel without a value.
NAN_CODE = 65535
#: Largest code of a value.
TOP_CODE = 65534

# A few wild pixels (a fraction divided by almost no thickness) would otherwise use up all codes:
# where the whole range exceeds the central 99 % this many times, codes cover only the central
# range and `_MARGIN` times its width on either side.
_WILD = 50.0
_MARGIN = 10.0


@dataclass(frozen=True, slots=True)
class Quantized:
    """A map in 16-bit codes: ``value = offset + scale * code``.

    Attributes
    ----------
    codes : ndarray
        ``(y, x)``, uint16; `NAN_CODE` where there is no value.
    scale, offset : float
        In the units of the map. An error of at most ``scale / 2``, that is less than 1e-5 of the
        range; integers and flags that fit are exact.
    beyond_low, beyond_high : bool
        Whether the lowest (highest) code also stands for wild values further out.
    """

    codes: np.ndarray
    scale: float
    offset: float
    beyond_low: bool = False
    beyond_high: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """Values of the lowest and the highest code."""
        return self.offset, self.offset + self.scale * TOP_CODE


def quantize(values: np.ndarray) -> Quantized:
    """Turn a map into 16-bit codes.

    Parameters
    ----------
    values : ndarray
        ``(y, x)``, any real or boolean dtype and any unit. NaN and infinities have no value.

    Returns
    -------
    Quantized
        Half the bytes of float32, and enough for a readout under the cursor.
    """
    values = np.asarray(values)
    if values.dtype.kind in "bui":
        exact = _quantize_integers(values)
        if exact is not None:
            return exact
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers)
    if not finite.any():
        return Quantized(np.full(numbers.shape, NAN_CODE, dtype=np.uint16), 1.0, 0.0)
    known = numbers[finite]
    whole = float(known.min()), float(known.max())
    low, high = _useful_range(known, *whole)
    # A constant map has one code; any scale serves, and 1.0 keeps the browser from dividing by 0.
    scale = (high - low) / TOP_CODE or 1.0
    # In place: of a large map each further copy costs as much as the arithmetic.
    scaled = np.subtract(numbers, low)
    scaled /= scale
    np.clip(scaled, 0, TOP_CODE, out=scaled)
    np.rint(scaled, out=scaled)
    scaled[~finite] = NAN_CODE
    codes = scaled.astype(np.uint16)
    return Quantized(codes, scale, low, whole[0] < low, whole[1] > high)


def _quantize_integers(values: np.ndarray) -> Quantized | None:
    """Codes of whole numbers that fit without loss, else None."""
    if values.size == 0:
        return None
    low, high = int(values.min()), int(values.max())
    low = min(low, 0) if high <= TOP_CODE else low  # flags keep their own numbers as codes
    if high - low > TOP_CODE:
        return None
    return Quantized((values.astype(np.int64) - low).astype(np.uint16), 1.0, float(low))


def _useful_range(known: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Range that the codes cover: everything, unless a few wild pixels would spoil it."""
    inner_low, inner_high = (float(q) for q in np.percentile(known, (0.5, 99.5)))
    width = inner_high - inner_low
    if width <= 0 or high - low <= _WILD * width:
        return low, high
    return max(low, inner_low - _MARGIN * width), min(high, inner_high + _MARGIN * width)


def pack_mask(mask: np.ndarray) -> bytes:
    """Bits of a mask for the browser.

    Parameters
    ----------
    mask : ndarray
        ``(y, x)``, bool.

    Returns
    -------
    bytes
        One bit per pixel, row by row, least significant bit first; empty if no pixel is set.
    """
    bits = np.asarray(mask, dtype=bool)
    return np.packbits(bits.ravel(), bitorder="little").tobytes() if bits.any() else b""
