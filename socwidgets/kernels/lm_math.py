# mypy: disable-error-code="call-arg"
"""Elementary functions that a loop over pixels can be vectorized with.

The mathematical library's functions are scalar calls: one of them in a loop keeps the compiler from
using vector registers, which makes the loop about ten times slower. These are plain series after a
reduction of the range, without a branch, in float32 and in float64. Compiled code gets the series;
plain Python gets numpy under the same names.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload
from numpy.polynomial import Chebyshev, Polynomial
from scipy import special

# 'reassoc' is missing on purpose: it would let the compiler cancel the magic number that rounds.
_OPTIONS: Any = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}


def exp(x):
    """Exponential, to nine ulp.

    Compiled, arguments are clipped from below at -40 in float32 and -350 in float64, and from above
    at the range of the type: the product of two tails must not be a denormal number, on which many
    processors spend a hundred cycles.
    """
    return np.exp(x)


def exp2(x):
    """Two to the power of a number that is not positive, to a few ulp.

    Compiled, clipped from below as `exp` is: at -58 in float32 and -505 in float64.
    """
    return np.exp2(x)


def log(x):
    """Natural logarithm of a positive normal number."""
    return np.log(x)


def arctan(x):
    """Inverse tangent."""
    return np.arctan(x)


def tanh(x):
    """Hyperbolic tangent; absolute error of a few ulp of one."""
    return np.tanh(x)


def erf(x):
    """Error function; absolute error 2e-11 (1e-7 in float32)."""
    return special.erf(x)


def like(x, value):
    """The number `value` in the float type of x: a plain constant would widen float32."""
    return type(x)(value)


@overload(like, jit_options=_OPTIONS)
def _like(x, value):
    real = np.float32 if x == types.float32 else np.float64
    return lambda x, value: real(value)


def _series(degree, term, kind):
    """Coefficients, highest power first, as the constant array that the unrolled loop folds in."""
    return np.array([term(n) for n in range(degree, -1, -1)], dtype=kind)


def _best(function, degree, reach, kind):
    """Coefficients, highest power first, of the Chebyshev interpolation on -reach ... reach.

    Its error is close to the least that is possible, and that of Taylor's series 2**degree times
    as large.
    """
    found = Chebyshev.interpolate(function, degree, domain=[-reach, reach])
    return found.convert(kind=Polynomial).coef[::-1].astype(kind)


def _integers(x):
    """Float type, integer type of the same width, mantissa bits, exponent bias."""
    if x == types.float32:
        return np.float32, np.int32, 23, 127
    return np.float64, np.int64, 52, 1023


@intrinsic
def _as_bits(context, x):
    """Bits of a float as an integer of the same width."""
    kind = types.int32 if x == types.float32 else types.int64

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(kind))

    return kind(x), generate


@intrinsic
def _as_real(context, bits):
    """Float of the same width with these bits."""
    kind = types.float32 if bits == types.int32 else types.float64

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(kind))

    return kind(bits), generate


@overload(exp, jit_options=_OPTIONS)
def _exp(x):
    if x not in (types.float32, types.float64):
        return None
    real, whole, bits, bias = _integers(x)
    single = x == types.float32
    terms = _best(np.exp, 5 if single else 10, 0.5 * math.log(2.0), real)
    count = len(terms)
    magic = real(1.5 * 2.0**bits)
    per_octave = real(1.0 / math.log(2.0))
    # ln 2 in two pieces, the first with trailing zero bits: k * high is exact.
    high = real(0.693359375 if single else float.fromhex("0x1.62e42feep-1"))
    low = real(-2.12194440e-4 if single else 1.9082149292705877e-10)
    lowest, highest = real(-40.0 if single else -350.0), real(bias * math.log(2.0))

    def compiled(x):
        inside = min(max(x, lowest), highest)
        shifted = inside * per_octave + magic
        k = shifted - magic
        z = (inside - k * high) - k * low
        s = terms[0]
        for n in range(1, count):
            s = s * z + terms[n]
        # The low bits of `shifted` are k: added to the exponent of s they multiply it by 2**k.
        return _as_real(whole(_as_bits(s) + (_as_bits(shifted) << bits)))

    return compiled


@overload(exp2, jit_options=_OPTIONS)
def _exp2(x):
    if x not in (types.float32, types.float64):
        return None
    real, whole, bits, _ = _integers(x)
    single = x == types.float32
    terms = _best(np.exp2, 5 if single else 10, 0.5, real)
    count = len(terms)
    magic, lowest = real(1.5 * 2.0**bits), real(-58.0 if single else -505.0)

    def compiled(x):
        inside = max(x, lowest)
        shifted = inside + magic
        z = inside - (shifted - magic)
        s = terms[0]
        for n in range(1, count):
            s = s * z + terms[n]
        return _as_real(whole(_as_bits(s) + (_as_bits(shifted) << bits)))

    return compiled


@overload(log, jit_options=_OPTIONS)
def _log(x):
    if x not in (types.float32, types.float64):
        return None
    real, whole, bits, _ = _integers(x)
    terms = _series(4 if x == types.float32 else 10, lambda n: 2.0 / (2 * n + 1), real)
    count = len(terms)
    one, ln2 = real(1.0), real(math.log(2.0))
    # Bits of sqrt(1/2): subtracting them centers the mantissa on one.
    root = np.array(math.sqrt(0.5), real).view(whole)[()]
    field = whole((1 << bits) - 1)
    magic = real(1.5 * 2.0**bits)
    magic_bits = np.array(magic).view(whole)[()]

    def compiled(x):
        shifted = whole(_as_bits(x) - root)
        # The exponent becomes a float by the same magic number: no 64-bit conversion is needed.
        k = _as_real(whole((shifted >> bits) + magic_bits)) - magic
        m = _as_real(whole((shifted & field) + root))
        t = (m - one) / (m + one)
        z = t * t
        s = terms[0]
        for n in range(1, count):
            s = s * z + terms[n]
        return s * t + k * ln2

    return compiled


@overload(arctan, jit_options=_OPTIONS)
def _arctan(x):
    if x not in (types.float32, types.float64):
        return None
    real = _integers(x)[0]
    terms = _series(8 if x == types.float32 else 20, lambda n: (-1) ** n / (2 * n + 1), real)
    count = len(terms)
    one, zero, eighth = real(1.0), real(0.0), real(math.tan(math.pi / 8))
    half_pi, quarter_pi = real(math.pi / 2), real(math.pi / 4)

    def compiled(x):
        size = abs(x)
        big = size > one
        t = one / size if big else size
        upper = t > eighth
        t = (t - one) / (t + one) if upper else t
        z = t * t
        s = terms[0]
        for n in range(1, count):
            s = s * z + terms[n]
        s = s * t + (quarter_pi if upper else zero)
        s = half_pi - s if big else s
        return -s if x < zero else s

    return compiled


@overload(tanh, jit_options=_OPTIONS)
def _tanh(x):
    if x not in (types.float32, types.float64):
        return None
    real = _integers(x)[0]
    one, two = real(1.0), real(2.0)

    def compiled(x):
        fall = exp(-two * abs(x))
        t = (one - fall) / (one + fall)
        return -t if x < real(0.0) else t

    return compiled


def weideman(terms: int) -> tuple[float, np.ndarray]:
    """Scale and coefficients of the rational expansion of the Faddeeva function.

    ``w(z) = 2 p(Z) / (L - i z)^2 + 1 / (sqrt(pi) (L - i z))`` with ``Z = (L + i z) / (L - i z)``
    for ``Im z >= 0``: one formula without a branch (Weideman 1994, SIAM J. Numer. Anal. 31, 1497).

    Parameters
    ----------
    terms : int
        16 gives 1e-7, 24 gives 1e-10, 32 gives 4e-14 absolute.

    Returns
    -------
    float
        L.
    ndarray
        ``(terms,)``, coefficients of p, highest power first.
    """
    points = 2 * terms
    scale = math.sqrt(terms / math.sqrt(2.0))
    theta = np.arange(-points + 1, points) * math.pi / points
    t = scale * np.tan(theta / 2)
    f = np.concatenate([[0.0], np.exp(-(t**2)) * (scale**2 + t**2)])
    spectrum = np.real(np.fft.fft(np.fft.fftshift(f))) / (2 * points)
    return scale, np.ascontiguousarray(spectrum[1 : terms + 1][::-1])


@overload(erf, jit_options=_OPTIONS)
def _erf(x):
    if x not in (types.float32, types.float64):
        return None
    real = _integers(x)[0]
    scale, coefficients = weideman(16 if x == types.float32 else 24)
    size, terms = real(scale), coefficients.astype(real)
    count = len(terms)
    one, two, zero, root = real(1.0), real(2.0), real(0.0), real(1.0 / math.sqrt(math.pi))

    def compiled(x):
        y = abs(x)
        inverse = one / (size + y)
        z = (size - y) * inverse
        s = terms[0]
        for n in range(1, count):
            s = s * z + terms[n]
        rest = exp(-y * y) * (two * s * inverse + root) * inverse
        return rest - one if x < zero else one - rest

    return compiled
