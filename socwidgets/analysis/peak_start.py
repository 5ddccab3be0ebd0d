"""Starting values of a composite model, from the data and from what the user knows."""

from __future__ import annotations

import numpy as np

from socwidgets.analysis.peak_models import FALLS, PEAKS, STEPS, ModelSpec

#: Height of a Gaussian from its area and width, and widths of the parts of a Voigt profile.
_AREA, _SHARE = 1.0645, 0.6


def data_start(
    spec: ModelSpec,
    windows: np.ndarray,
    sort: bool,
    axis: np.ndarray,
    fall_axes: dict[int, np.ndarray],
    signal: np.ndarray,
    start: int,
    stop: int,
) -> np.ndarray:
    """Starting values of every pixel.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    windows : ndarray
        ``(K, 3)``, scaled axis: where to look for each peak, and the sign of its height.
    sort : bool
        Number the peaks by their centers (nothing is known of where they lie).
    axis : ndarray
        ``(E,)``, scaled to [-1, 1].
    fall_axes : dict
        Axes of exponentials and power laws, by the number of the term.
    signal : ndarray
        ``(E, N)``.
    start, stop : int
        Range of pixels.

    Returns
    -------
    ndarray
        ``(M, stop - start)``, in the kernel's units.
    """
    from socwidgets.kernels.lm_start import find_peaks

    steps = spec.of(STEPS)
    peaks, ends, edge = find_peaks(signal, start, stop, axis, windows, step=bool(steps))
    if sort and len(peaks) > 1:
        order = np.argsort(peaks[:, 1], axis=0)
        peaks = np.take_along_axis(peaks, order[:, None], axis=0)
    guess = np.zeros((len(spec.names), stop - start))
    for found, term in zip(peaks, spec.of(PEAKS), strict=True):
        _start_peak(term.kind, found, guess[term.first :])
    for term in steps:
        guess[term.first] = (ends[1] - ends[0]) / len(steps)
        guess[term.first + 1] = edge
        guess[term.first + 2] = 4.0 / axis.size
    first = len(spec.names) - spec.degree - 1
    falls = spec.of(FALLS)
    for term in falls:
        s = fall_axes[spec.terms.index(term)]
        _start_fall(ends, s, guess[term.first :])
    if spec.degree >= 0 and not falls:
        rising = axis[-1] > axis[0]
        left, right = (ends[0], ends[1]) if rising else (ends[1], ends[0])
        guess[first] = left if steps else 0.5 * (left + right)
        if spec.degree >= 1 and not steps:
            guess[first + 1] = 0.5 * (right - left)
    return guess


def _start_peak(kind: str, found: np.ndarray, rows: np.ndarray) -> None:
    height, center, width = found
    rows[1] = center
    if kind == "voigt":
        rows[0], rows[2], rows[3] = _AREA * 1.2 * height * width, _SHARE * width, _SHARE * width
        return
    rows[0], rows[2] = height, width
    if kind == "pseudo_voigt":
        rows[3] = 0.5


def _start_fall(ends: np.ndarray, s: np.ndarray, rows: np.ndarray) -> None:
    """Curve through both ends where they have one sign, else a slow fall from the first."""
    ratio = ends[0] / np.where(ends[1] == 0, np.nan, ends[1])
    span = s[-1] - s[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(ratio > 0, np.log(ratio) / span, 1.0 / span)
    rows[1] = np.where(np.isfinite(rate), rate, 1.0 / span)
    rows[0] = ends[0] * np.exp(rows[1] * s[0])
