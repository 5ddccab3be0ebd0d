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

    steps, falls = spec.of(STEPS), spec.of(FALLS)
    guess = np.zeros((len(spec.names), stop - start))
    for term in falls:
        # A convex background lies below the line through its ends: peaks are looked for on what it
        # leaves.
        s = fall_axes[spec.terms.index(term)]
        _start_fall(signal[:, start:stop], s, guess[term.first :])
        signal = signal[:, start:stop] - guess[term.first] * np.exp(
            -guess[term.first + 1] * s[:, None]
        )
        start, stop = 0, stop - start
    peaks, ends, edge = find_peaks(signal, start, stop, axis, windows, step=bool(steps))
    if sort and len(peaks) > 1:
        order = np.argsort(peaks[:, 1], axis=0)
        peaks = np.take_along_axis(peaks, order[:, None], axis=0)
    for found, term in zip(peaks, spec.of(PEAKS), strict=True):
        _start_peak(term.kind, found, guess[term.first :])
    for term in steps:
        guess[term.first] = (ends[1] - ends[0]) / len(steps)
        guess[term.first + 1] = edge
        guess[term.first + 2] = 4.0 / axis.size
    first = len(spec.names) - spec.degree - 1
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


def _start_fall(signal: np.ndarray, s: np.ndarray, rows: np.ndarray) -> None:
    """Curve through both ends where they have one sign, else a slow fall from the first."""
    few = max(s.size // 12, 1)
    left, right = signal[:few].mean(axis=0), signal[-few:].mean(axis=0)
    at, span = s[:few].mean(), s[-few:].mean() - s[:few].mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.log(left / right) / span
    rows[1] = np.where(np.isfinite(rate), rate, 1.0 / span)
    rows[0] = left * np.exp(rows[1] * at)
