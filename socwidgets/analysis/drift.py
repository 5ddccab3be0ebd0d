"""How far the frames of a stack have moved: sub-pixel correlation with the mean frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from scipy import ndimage

from socwidgets.analysis import frame_threads
from socwidgets.analysis.contrast_drift import moves_apart
from socwidgets.analysis.drift_model import smooth_path
from socwidgets.analysis.drift_start import clearest_frame, refuse_inversion
from socwidgets.analysis.frame_preparation import moved, prepare, prepare_masked, taper_window
from socwidgets.analysis.frame_threads import each_frame
from socwidgets.analysis.masked_correlation import COARSE, MaskedCorrelation
from socwidgets.analysis.plain_correlation import PlainCorrelation
from socwidgets.analysis.registration_params import RegistrationParams
from socwidgets.model.errors import DataError
from socwidgets.model.watch import NOBODY, Watch

Frames = Callable[[int], np.ndarray]
Comparison: TypeAlias = PlainCorrelation | MaskedCorrelation
#: Weight of the newest frame in the running reference of the first pass.
_NEWEST = 0.3
_NEIGHBORS = 5
#: Prepared frames are kept when all of them fit in this many bytes, else made again each pass.
_CACHE_BYTES = 256 << 20
_OUTLIER_SIGMA = 6.0
_OUTLIER_FLOOR_PX = 0.5
#: The best of all shifts of pure noise correlates by some five over the root of the number of
#: pixels; less than this many is no resemblance, whatever `min_correlation` says.
_NOISE_PEAK = 8.0
#: Shares of the time, for the progress: until the frames are prepared, until the first pass is
#: done, and of bringing the frames to their place within each further one.
_PREPARED, _FIRST_PASS, _ALIGNING = 0.15, 0.4, 0.3


@dataclass(frozen=True, slots=True)
class Drift:
    """Displacement of each frame.

    Attributes
    ----------
    path : ndarray
        ``(frame, 2)``, px, by which the sample is displaced toward larger y and x.
    correlation : ndarray
        ``(frame,)``, Pearson correlation of the aligned frame with the reference; NaN for a frame
        without contrast.
    replaced : ndarray of bool
        ``(frame,)``: taken from the neighbors, because the frame's own drift was not to be trusted.
    apart_px : float
        By how much the sample moves apart from the path, px, where something else is registered.
    """

    path: np.ndarray
    correlation: np.ndarray
    replaced: np.ndarray
    apart_px: float


def find_drift(
    frame: Frames,
    n: int,
    params: RegistrationParams,
    mask: np.ndarray | None = None,
    watch: Watch = NOBODY,
) -> Drift:
    """Measure the drift of `n` frames.

    Plain (not phase) correlation by FFT, refined to ``1/upsample`` px with a matrix Fourier
    transform (Guizar-Sicairos et al. 2008): phase correlation weighs empty frequencies like full
    ones and is several times worse on noisy images.

    Parameters
    ----------
    frame : callable
        Index -> ``(y, x)`` image. Called again in each pass where the frames together are too
        large to be kept, so a large lazy stack is never held whole. Values that are not finite
        are replaced by the frame's median.
    n : int
        Number of frames.
    params : RegistrationParams
        How to measure.
    mask : ndarray of bool, optional
        ``(y, x)``; nothing outside is read. The frames are then compared by normalized correlation
        over what their masks have in common (Padfield 2012), which takes about twice as long.
    watch : Watch
        Told at every frame of every pass.

    Returns
    -------
    Drift
        For reference ``"mean"`` with mean zero: frames move to the middle of their path, which
        keeps most of the field. Else relative to the first frame.

    Raises
    ------
    DataError
        If no frame has any contrast, or a frame shows the negative of the one before it.
    CancelledError
        If the watch was told to stop.
    """
    shape = frame(0).shape
    whole = int(np.prod(shape))
    pixels = whole if mask is None else int(mask.sum())
    size = whole * (4 if mask is None else 8)
    kept = n if n * size <= _CACHE_BYTES else 0

    def made(i: int) -> np.ndarray:
        return prepare(frame(i), params) if mask is None else prepare_masked(frame(i), params, mask)

    prepared = lru_cache(maxsize=kept)(made)
    window = taper_window(shape, params.taper)
    kind = PlainCorrelation if mask is None else MaskedCorrelation
    compare: Comparison = kind(window)
    # The first pass goes from frame to frame: its threads share the transforms of each.
    follow: Comparison = kind(window, workers=frame_threads.processors())
    if params.image == "signal":
        refuse_inversion(prepared, n, compare, moved, watch.part(0.0, _PREPARED))
    if params.reference == "mean":
        coarse = _NEWEST, min(COARSE, params.upsample)
        first = watch.part(_PREPARED, _FIRST_PASS)
        path, correlation = _follow(prepared, n, follow, params, *coarse, watch=first)
        if 2 * np.count_nonzero(correlation >= _floor(pixels, params)) < n:
            start = clearest_frame(prepared, n, compare, moved)
            path, correlation = _follow(prepared, n, follow, params, *coarse, start)
        rest = watch.part(_FIRST_PASS, 1.0)
        for number in range(params.passes):
            replaced = untrusted(path, correlation, pixels, params)
            path = _bridge(path, replaced)
            path -= path[~replaced].mean(axis=0)
            step, correlation = _against_mean(
                prepared, path, ~replaced, compare, params, kept,
                rest.part(number / params.passes, (number + 1) / params.passes),
            )  # fmt: skip
            path = path + step
            if np.abs(step[~replaced]).max() <= 1.0 / params.upsample:
                break
        path -= path[~untrusted(path, correlation, pixels, params)].mean(axis=0)
    else:
        newest = 1.0 if params.reference == "neighbor" else 0.0
        start = params.reference_frame if params.reference == "frame" else 0
        path, correlation = _follow(
            prepared, n, follow, params, newest, params.upsample, start,
            watch.part(_PREPARED, 1.0),
        )  # fmt: skip
    replaced = untrusted(path, correlation, pixels, params)
    path = _bridge(path, replaced)
    apart_px = moves_apart(prepared, path, ~replaced, window)
    if params.degree is not None:
        path, outliers = smooth_path(path, ~replaced, params.degree)
        replaced = replaced | outliers
    if params.smooth_frames:
        path = ndimage.gaussian_filter1d(path, params.smooth_frames, axis=0, mode="nearest")
    return Drift(path, correlation, replaced, apart_px)


def _floor(pixels: int, params: RegistrationParams) -> float:
    """Correlation from which on two frames have something in common."""
    return max(params.min_correlation, _NOISE_PEAK / float(np.sqrt(pixels)))


def untrusted(
    path: np.ndarray, correlation: np.ndarray, pixels: int, params: RegistrationParams
) -> np.ndarray:
    """Frames whose drift is not believed.

    Either they hardly resemble the reference, or they lie off the running median of their
    neighbors by more than six robust standard deviations (and half a pixel). A jump that later
    frames share is believed.

    Raises
    ------
    DataError
        If fewer than two frames are left.
    """
    floor = _floor(pixels, params)
    blind = ~(correlation >= floor)
    if np.count_nonzero(~blind) < min(2, correlation.size):
        raise DataError(
            "the drift cannot be measured: no frame has contrast in common with the others",
            expected=f"at least two frames that correlate by {floor:.2g} or more",
            found=f"{np.count_nonzero(~blind)} of {blind.size}",
            fix="register with image='gradient' or another reference, or leave registration out",
        )  # fmt: skip
    if params.believe_jumps:
        return blind
    known = np.flatnonzero(~blind)
    believed = path[known]
    off = believed - ndimage.median_filter(believed, size=(_NEIGHBORS, 1), mode="nearest")
    distance = np.hypot(off[:, 0], off[:, 1])
    spread = 1.4826 * np.median(distance)
    jumped = distance > max(_OUTLIER_SIGMA * spread, _OUTLIER_FLOOR_PX)
    result = blind.copy()
    # Where most frames jump, jumping is what this sample does.
    if np.count_nonzero(jumped) < 0.2 * known.size:
        result[known[jumped]] = True
    return result


def _bridge(path: np.ndarray, replaced: np.ndarray) -> np.ndarray:
    """Drift of untrusted frames interpolated between their neighbors."""
    if not replaced.any():
        return path
    at, known = np.arange(len(path)), np.flatnonzero(~replaced)
    return np.stack([np.interp(at, known, path[known, axis]) for axis in (0, 1)], axis=1)


def _follow(
    prepared: Frames,
    n: int,
    compare: Comparison,
    params: RegistrationParams,
    newest: float,
    upsample: int,
    start: int = 0,
    watch: Watch = NOBODY,
) -> tuple[np.ndarray, np.ndarray]:
    """Drift against a reference that follows: weight `newest` of each frame replaces the old.

    1 compares neighbors, 0 compares with the frame `start` (or the next one that has contrast); in
    between, the reference is a running mean of the aligned frames. Frames before `start` are
    followed backward from it.
    """
    path, correlation = np.zeros((n, 2)), np.full(n, np.nan)
    running: np.ndarray | None = None
    first: np.ndarray | None = None
    for order in (range(start, n), range(start - 1, -1, -1)):
        running, before = first, start
        # The next frames are prepared while this one is compared.
        for i, image in each_frame(prepared, order):
            watch(i if i >= start else n - 1 - i, n)
            if not image.any():
                path[i] = path[before]
                before = i
                continue
            if running is None:
                running = first = moved(image, path[i])
                correlation[i] = 1.0
                continue
            # Read where the sample was last, so that only the step has to be found.
            here = moved(image, path[before])
            path[i] = path[before] + compare.displacement(running, here, upsample)
            before = i
            aligned = moved(image, path[i])
            correlation[i] = compare.correlation(running, aligned)
            if correlation[i] >= params.min_correlation:
                running = (1.0 - newest) * running + newest * aligned
    return path, correlation


def _against_mean(
    prepared: Frames,
    path: np.ndarray,
    used: np.ndarray,
    compare: Comparison,
    params: RegistrationParams,
    kept: int,
    watch: Watch = NOBODY,
) -> tuple[np.ndarray, np.ndarray]:
    """Remaining displacement of every frame against the mean of the aligned ones."""
    n = len(path)
    aligned = lru_cache(maxsize=kept)(lambda i: moved(prepared(i), path[i]))
    members = np.flatnonzero(used)
    total = np.zeros_like(aligned(0))
    for _, image in each_frame(aligned, members, watch.part(0.0, _ALIGNING)):
        total = total + image
    step, correlation = np.zeros((n, 2)), np.full(n, np.nan)

    def measure(i: int) -> None:
        image = aligned(i)
        # A frame must not be compared with itself: its own noise would say that it is in place.
        others = members.size - int(used[i])
        if not image.any() or not others:
            return
        reference = (total - image if used[i] else total) / others
        step[i] = compare.displacement(reference, image, params.upsample, near=True)
        correlation[i] = compare.correlation(reference, image)

    for _ in each_frame(measure, range(n), watch.part(_ALIGNING, 1.0)):
        pass
    return step, correlation
