"""Lineshapes, steps and backgrounds at one sample: value and derivatives by every parameter.

Positions and widths refer to the axis that the caller gives, which for float32 must be scaled to
about [-1, 1]: single precision does not resolve a position on an axis of 8000 eV. Widths are full
widths at half maximum, of the peak itself or of the derivative of a step, and come as their
inverse, which is the same for all samples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from socwidgets.kernels.lm_lanes import ONE
from socwidgets.kernels.lm_math import arctan, erf, exp, like, weideman

_GAUSS = 2.0 * math.sqrt(math.log(2.0))
_LN2 = math.log(2.0)
_ROOT_PI = 1.0 / math.sqrt(math.pi)
_SCALE, _TERMS = weideman(24)
_COUNT = np.uintp(len(_TERMS))

_jit: Any = njit
#: Part of the loop that calls it: what this returns never goes through memory.
_point = _jit(
    nogil=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"}, forceinline=True
)


@_point
def gaussian_at(x, height, center, inverse):
    """``h exp(-4 ln2 ((x - c) / w)^2)``: value and derivatives by h, c, w, given 1 / w."""
    narrow = inverse * like(x, _GAUSS)
    t = (x - center) * narrow
    shape = exp(-t * t)
    value = height * shape
    slope = (value + value) * t
    return value, shape, slope * narrow, slope * t * inverse


@_point
def lorentzian_at(x, height, center, inverse):
    """``h / (1 + 4 ((x - c) / w)^2)``: value and derivatives by h, c, w, given 1 / w."""
    t = (x - center) * (inverse + inverse)
    shape = like(x, 1.0) / (like(x, 1.0) + t * t)
    value = height * shape
    slope = (value + value) * shape * t * inverse
    return value, shape, slope + slope, slope * t


@_point
def pseudo_voigt_at(x, height, center, inverse, eta):
    """``h (eta Lorentzian + (1 - eta) Gaussian)`` of one width: value and four derivatives."""
    t = (x - center) * (inverse + inverse)
    square, ln2 = t * t, like(x, _LN2)
    lorentz = like(x, 1.0) / (like(x, 1.0) + square)
    gauss = exp(-square * ln2)
    shape = gauss + eta * (lorentz - gauss)
    # Derivative along t^2, without its sign.
    fall = ln2 * gauss + eta * (lorentz * lorentz - ln2 * gauss)
    slope = height * (fall + fall) * t * inverse
    return height * shape, shape, slope + slope, slope * t, height * (lorentz - gauss)


@_point
def voigt_at(x, area, center, inverse, width):
    """``A / (sigma sqrt(2 pi)) Re w(z)``: value and derivatives by A, c, and the two widths.

    The Gaussian's width is given as its inverse. w is the Faddeeva function by Weideman's expansion
    with 24 terms: 8e-11 of the peak.
    """
    size, two_over = like(x, _SCALE), like(x, 2.0 * _ROOT_PI)
    one, two, half = like(x, 1.0), like(x, 2.0), like(x, 0.5)
    narrow = like(x, _GAUSS) * inverse
    t = (x - center) * narrow
    y = half * narrow * width
    up, down = size + y, size - y
    over = one / (up * up + t * t)
    zr, zi = (down * up - t * t) * over, (down + up) * t * over
    # 1 / (L - i z) = (a, b)
    a, b = up * over, t * over
    pr, pi = like(x, _TERMS[0]), like(x, 0.0)
    for n in range(ONE, _COUNT):
        pr, pi = pr * zr - pi * zi + like(x, _TERMS[n]), pr * zi + pi * zr
    gr, gi = two_over * half + two * (pr * a - pi * b), two * (pr * b + pi * a)
    wr, wi = gr * a - gi * b, gr * b + gi * a
    by_t = -two * (t * wr - y * wi)
    by_y = two * (t * wi + y * wr) - two_over
    shape = narrow * like(x, _ROOT_PI)
    value = area * shape
    by_inner = -value * (wr + t * by_t + y * by_y) * narrow * like(x, 1.0 / _GAUSS)
    return value * wr, shape * wr, -value * by_t * narrow, by_inner, value * by_y * narrow * half


@_point
def arctan_at(x, height, center, inverse):
    """``h (1/2 + arctan(2 (x - c) / w) / pi)``: value and derivatives by h, c, w, given 1 / w."""
    t = (x - center) * (inverse + inverse)
    shape = like(x, 0.5) + arctan(t) * like(x, 1.0 / math.pi)
    slope = height * like(x, 1.0 / math.pi) * inverse / (like(x, 1.0) + t * t)
    return height * shape, shape, -(slope + slope), -slope * t


@_point
def erf_at(x, height, center, inverse):
    """``h (1 + erf(2 sqrt(ln 2) (x - c) / w)) / 2``: value and derivatives, given 1 / w."""
    narrow = inverse * like(x, _GAUSS)
    t = (x - center) * narrow
    shape = like(x, 0.5) + like(x, 0.5) * erf(t)
    slope = height * exp(-t * t) * like(x, _ROOT_PI)
    return height * shape, shape, -slope * narrow, -slope * t * inverse


@_point
def exponential_at(x, height, rate):
    """``a exp(-r s)``; with s the logarithm of an axis it is a power law of exponent -r."""
    shape = exp(-x * rate)
    value = height * shape
    return value, shape, -x * value
