"""Height, area and full width of fitted peaks, with the sigma that their covariance gives them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import erfcx

_ROOT_LN2 = math.sqrt(math.log(2.0))
#: Area of a Gaussian and a Lorentzian of unit height and width.
_GAUSS_AREA, _LORENTZ_AREA = math.sqrt(math.pi) / (2.0 * _ROOT_LN2), math.pi / 2.0


def _simple_area(share: float) -> Callable:
    """Area of a peak of fixed shape and its derivatives by height, center, width."""

    def area(height, center, fwhm):
        return share * height * fwhm, (share * fwhm, 0.0, share * height)

    return area


def _pseudo_voigt_area(height, center, fwhm, eta):
    share = _GAUSS_AREA + eta * (_LORENTZ_AREA - _GAUSS_AREA)
    rest = (_LORENTZ_AREA - _GAUSS_AREA) * height * fwhm
    return share * height * fwhm, (share * fwhm, 0.0, share * height, rest)


def _voigt_height(area, center, gauss, lorentz):
    """Value at the center, ``A s erfcx(y) / sqrt(pi)`` with ``s = 2 sqrt(ln 2) / w_G``."""
    s = 2.0 * _ROOT_LN2 / gauss
    y = 0.5 * s * lorentz
    peak = s / math.sqrt(math.pi) * erfcx(y)
    # d erfcx(y) / dy = 2 y erfcx(y) - 2 / sqrt(pi)
    slope = s / math.sqrt(math.pi) * (2.0 * y * erfcx(y) - 2.0 / math.sqrt(math.pi))
    by_gauss = -(peak + y * slope) / gauss
    return area * peak, (peak, 0.0, area * by_gauss, area * slope * 0.5 * s)


def _voigt_fwhm(area, center, gauss, lorentz):
    """Olivero and Longbothum (1977): to 0.02 %."""
    root = np.sqrt(0.2166 * lorentz**2 + gauss**2)
    width = 0.5346 * lorentz + root
    return width, (0.0, 0.0, gauss / root, 0.5346 + 0.2166 * lorentz / root)


#: Quantities that follow from the parameters of each kind of peak.
DERIVED: dict[str, dict[str, Callable]] = {
    "gaussian": {"area": _simple_area(_GAUSS_AREA)},
    "lorentzian": {"area": _simple_area(_LORENTZ_AREA)},
    "pseudo_voigt": {"area": _pseudo_voigt_area},
    "voigt": {"height": _voigt_height, "fwhm": _voigt_fwhm},
}


def propagate(
    function: Callable,
    values: list[np.ndarray],
    covariance: Callable[[int, int], np.ndarray | float],
) -> tuple[np.ndarray, np.ndarray]:
    """Value and sigma of a derived quantity.

    Parameters
    ----------
    function : callable
        One of `DERIVED`: value and derivatives.
    values : list of ndarray
        Parameters of the peak, ``(n,)`` each.
    covariance : callable
        ``(i, j) -> (n,)``: covariance of parameters i and j of the peak. Height and width of a
        fitted peak are correlated: sigma of the area without that term is up to half too large.
    """
    value, slopes = function(*values)
    variance = np.zeros_like(value)
    for i, left in enumerate(slopes):
        for j, right in enumerate(slopes):
            if not (np.isscalar(left) and left == 0.0) and not (
                np.isscalar(right) and right == 0.0
            ):
                variance = variance + left * right * covariance(i, j)
    return value, np.sqrt(np.maximum(variance, 0.0))
