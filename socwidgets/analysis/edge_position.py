"""Where the edge of a spectrum lies, without windows and without a normalization."""

from __future__ import annotations

import numpy as np

from socwidgets.analysis.window_rules import ends_early, follows_shell
from socwidgets.model.errors import DataError

#: Least half width of the smoothing of a slope, eV: a third of a core width.
LEAST_SMOOTHING_EV = 0.5
#: Share of the largest rise below which no steepest point is looked for: noise before the edge of
#: a finely stepped scan is steep, too.
_FOOT = 0.05


def default_e0(energies: np.ndarray, spectrum: np.ndarray) -> float:
    """E0 of a stack for which none is given.

    Half of the rise. Where a line is laid through the post-edge of a scan that ends early, the
    largest slope, as Larch takes it: there the edge jump changes by some percent with the energy at
    which it is read.

    Parameters
    ----------
    energies, spectrum : ndarray
        ``(energy,)``, rising, eV; the mean spectrum of the image, NaN where it has no value.

    Raises
    ------
    DataError
        If the spectrum never rises.
    """
    half = half_rise(energies, spectrum)
    start, end = energies[0] - half, energies[-1] - half
    by_larch = ends_early(end) and not follows_shell(energies[0], start, end)
    return steepest_rise(energies, spectrum) if by_larch else half


def half_rise(energies: np.ndarray, spectrum: np.ndarray) -> float:
    """Energy where a spectrum first comes up half of its largest rise above its lowest past.

    A falling background does not rise, so neither windows nor a normalization are needed, and a
    second inflection (Ni in layered oxides) does not matter as it does for the largest slope.

    Raises
    ------
    DataError
        If the spectrum never rises.
    """
    rise = rise_of(spectrum)
    top = int(np.argmax(rise))
    if not rise[top] > 0:
        raise DataError(
            "the mean spectrum never rises: it shows no edge",
            fix="give e0, and check that the stack is an optical density",
        )
    behind = int(np.argmax(rise >= 0.5 * rise[top]))
    low, high = rise[behind - 1], rise[behind]
    part = (0.5 * rise[top] - low) / (high - low)
    return float(energies[behind - 1] + part * (energies[behind] - energies[behind - 1]))


def steepest_rise(energies: np.ndarray, spectrum: np.ndarray) -> float:
    """Grid point of the largest smoothed slope between the foot and the top of the rise."""
    seen = np.isfinite(spectrum)
    axis, mu = energies[seen], spectrum[seen]
    rise = rise_of(mu)
    top = int(np.argmax(rise))
    foot = max(1, int(np.argmax(rise > _FOOT * rise[top])) - 1)
    slope = smoothed_slope(axis, mu, max(fine_step(axis), LEAST_SMOOTHING_EV))
    return float(axis[foot + int(np.argmax(slope[foot : top + 1]))])


def smoothed_slope(energies: np.ndarray, mu: np.ndarray, width_ev: float) -> np.ndarray:
    """Derivative ``(energy,)`` smoothed with a Lorentzian of this half width; 0 for none."""
    slope = np.gradient(mu, energies)
    if not width_ev > 0:
        return slope
    near = 1.0 / (1.0 + ((energies[:, None] - energies[None, :]) / width_ev) ** 2)
    weights = near * np.gradient(energies)
    return np.asarray(weights @ slope / weights.sum(axis=1))


def fine_step(energies: np.ndarray) -> float:
    """Step of the finest tenth of the axis, eV: that around the edge."""
    steps = np.sort(np.diff(energies))
    return float(np.median(steps[: max(3, steps.size // 5)]))


def rise_of(spectrum: np.ndarray) -> np.ndarray:
    """How far each sample lies above the lowest one before it; NaN samples count as zero."""
    return np.nan_to_num(spectrum - np.fmin.accumulate(spectrum))
