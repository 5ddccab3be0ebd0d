"""Lineshapes, steps and backgrounds at one sample, with derivatives by every parameter.

The first parameter of each is a factor of the whole (height, area). ``_at`` gives the derivatives
by all parameters without what is the same for all samples; ``_factors`` gives that: derivative i is
factor i times column i, and the value is the first parameter times the first derivative.

Positions and widths refer to the axis that the caller gives, which for float32 must be scaled to
about [-1, 1]: single precision does not resolve a position on an axis of 8000 eV. Widths are full
widths at half maximum, of the peak itself or of the derivative of a step, and come as their
inverse, which is the same for all samples.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels import doors
from socwidgets.kernels.lm_lanes import ONE
from socwidgets.kernels.lm_math import arctan, erf, exp, exp2, like, weideman

_GAUSS = 2.0 * math.sqrt(math.log(2.0))
_LN2 = math.log(2.0)
_ROOT_PI = 1.0 / math.sqrt(math.pi)
_SCALE, _TERMS = weideman(24)
_COUNT = np.uintp(len(_TERMS))

#: Part of the loop that calls it: what this returns never goes through memory.
_point = doors.inner(error_model="numpy", fastmath={"contract", "nsz", "arcp"}, forceinline=True)


@_point
def gaussian_at(x, center, inverse):
    """``exp(-4 ln2 ((x - c) / w)^2)``."""
    t = (x - center) * (inverse + inverse)
    shape = exp2(-t * t)
    slope = shape * t
    return shape, slope, slope * t


@_point
def gaussian_factors(height, center, inverse):
    """Of `gaussian_at`."""
    scale = height * like(height, 2.0 * _LN2) * inverse
    return like(height, 1.0), scale + scale, scale


@_point
def lorentzian_at(x, center, inverse):
    """``1 / (1 + 4 ((x - c) / w)^2)``."""
    t = (x - center) * (inverse + inverse)
    shape = like(x, 1.0) / (like(x, 1.0) + t * t)
    slope = shape * shape * t
    return shape, slope, slope * t


@_point
def lorentzian_factors(height, center, inverse):
    """Of `lorentzian_at`."""
    scale = (height + height) * inverse
    return like(height, 1.0), scale + scale, scale


@_point
def pseudo_voigt_at(x, center, inverse, eta):
    """``eta Lorentzian + (1 - eta) Gaussian`` of one width."""
    t = (x - center) * (inverse + inverse)
    square, ln2 = t * t, like(x, _LN2)
    lorentz = like(x, 1.0) / (like(x, 1.0) + square)
    gauss = exp2(-square)
    shape = gauss + eta * (lorentz - gauss)
    # Derivative along t^2, without its sign.
    fall = ln2 * gauss + eta * (lorentz * lorentz - ln2 * gauss)
    slope = fall * t
    return shape, slope, slope * t, lorentz - gauss


@_point
def pseudo_voigt_factors(height, center, inverse, eta):
    """Of `pseudo_voigt_at`."""
    scale = (height + height) * inverse
    return like(height, 1.0), scale + scale, scale, height


@_point
def voigt_at(x, center, inverse, width):
    """``Re w(z)``, times an area over ``sigma sqrt(2 pi)``; the two widths are the parameters.

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
    return wr, by_t, wr + t * by_t + y * by_y, by_y


@_point
def voigt_factors(area, center, inverse, width):
    """Of `voigt_at`."""
    narrow = like(area, _GAUSS) * inverse
    shape = narrow * like(area, _ROOT_PI)
    scale = area * shape * narrow
    return shape, -scale, -scale * like(area, 1.0 / _GAUSS), scale * like(area, 0.5)


@_point
def arctan_at(x, center, inverse):
    """``1/2 + arctan(2 (x - c) / w) / pi``."""
    t = (x - center) * (inverse + inverse)
    slope = like(x, 1.0) / (like(x, 1.0) + t * t)
    return like(x, 0.5) + arctan(t) * like(x, 1.0 / math.pi), slope, slope * t


@_point
def arctan_factors(height, center, inverse):
    """Of `arctan_at`."""
    scale = -height * like(height, 1.0 / math.pi) * inverse
    return like(height, 1.0), scale + scale, scale


@_point
def erf_at(x, center, inverse):
    """``(1 + erf(2 sqrt(ln 2) (x - c) / w)) / 2``."""
    t = (x - center) * inverse * like(x, _GAUSS)
    slope = exp(-t * t)
    return like(x, 0.5) + like(x, 0.5) * erf(t), slope, slope * t


@_point
def erf_factors(height, center, inverse):
    """Of `erf_at`."""
    scale = -height * like(height, _ROOT_PI) * inverse
    return like(height, 1.0), scale * like(height, _GAUSS), scale


@_point
def exponential_at(x, rate):
    """``exp(-r s)``; with s the logarithm of an axis it is a power law of exponent -r."""
    shape = exp(-x * rate)
    return shape, x * shape


@_point
def exponential_factors(height, rate):
    """Of `exponential_at`."""
    return like(height, 1.0), -height
