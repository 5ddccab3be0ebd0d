"""How far the frames of a stack have moved: sub-pixel correlation with the mean frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from socwidgets.analysis.cross_correlation import CrossCorrelation
from socwidgets.analysis.drift_model import smooth_path
from socwidgets.analysis.registration_params import RegistrationParams
from socwidgets.analysis.resample import shift_frame
from socwidgets.model.errors import DataError

Frames = Callable[[int], np.ndarray]
#: Weight of the newest frame in the running reference of the first pass.
_NEWEST = 0.3
_NEIGHBORS = 5
#: Steps per pixel of the first pass, which later ones refine.
_COARSE = 10
#: Prepared frames are kept when all of them fit in this many bytes, else made again each pass.
_CACHE_BYTES = 256 << 20
_OUTLIER_SIGMA = 6.0
_OUTLIER_FLOOR_PX = 0.5
#: The best of all shifts of pure noise correlates by some five over the root of the number of
#: pixels; less than this many is no resemblance, whatever `min_correlation` says.
_NOISE_PEAK = 8.0


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
    """

    path: np.ndarray
    correlation: np.ndarray
    replaced: np.ndarray


def find_drift(
    frame: Frames, n: int, params: RegistrationParams, mask: np.ndarray | None = None
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
        ``(y, x)``; pixels outside are not compared (after the high-pass they count as zero).

    Returns
    -------
    Drift
        For reference ``"mean"`` with mean zero: frames move to the middle of their path, which
        keeps most of the field. Else relative to the first frame.

    Raises
    ------
    DataError
        If no frame has any contrast.
    """
    pixels = frame(0).size
    kept = n if n * pixels * 4 <= _CACHE_BYTES else 0
    prepared = lru_cache(maxsize=kept)(lambda i: prepare(frame(i), params, mask))
    if params.reference == "mean":
        path, correlation = _follow(prepared, n, params, _NEWEST, min(_COARSE, params.upsample))
        for _ in range(params.passes):
            replaced = untrusted(path, correlation, pixels, params)
            path = _bridge(path, replaced)
            path -= path[~replaced].mean(axis=0)
            step, correlation = _against_mean(prepared, path, ~replaced, params, kept)
            path = path + step
            if np.abs(step[~replaced]).max() <= 1.0 / params.upsample:
                break
        path -= path[~untrusted(path, correlation, pixels, params)].mean(axis=0)
    else:
        newest = 1.0 if params.reference == "neighbor" else 0.0
        start = params.reference_frame if params.reference == "frame" else 0
        path, correlation = _follow(prepared, n, params, newest, params.upsample, start)
    replaced = untrusted(path, correlation, pixels, params)
    path = _bridge(path, replaced)
    if params.degree is not None:
        path, outliers = smooth_path(path, ~replaced, params.degree)
        replaced = replaced | outliers
    if params.smooth_frames:
        path = ndimage.gaussian_filter1d(path, params.smooth_frames, axis=0, mode="nearest")
    return Drift(path, correlation, replaced)


def prepare(
    image: np.ndarray, params: RegistrationParams, mask: np.ndarray | None = None
) -> np.ndarray:
    """Image made ready for comparison: finite, without offset, noise or wide structure.

    Parameters
    ----------
    image : ndarray
        ``(y, x)``.
    params : RegistrationParams
        `smooth_px`, `high_pass_px` and `image` are used.
    mask : ndarray of bool, optional
        ``(y, x)``, pixels that may be compared.

    Returns
    -------
    ndarray
        ``(y, x)``, float32; zeros where no pixel was finite.
    """
    finite = np.isfinite(image)
    if not finite.any():
        return np.zeros(image.shape, np.float32)
    middle = np.median(image[finite])
    clean = np.where(finite, image - middle, 0.0).astype(np.float32)
    if params.image == "gradient":
        clean = ndimage.gaussian_gradient_magnitude(clean, max(params.smooth_px, 0.7))
    elif params.smooth_px:
        clean = ndimage.gaussian_filter(clean, params.smooth_px)
    if params.high_pass_px:
        clean = clean - ndimage.gaussian_filter(clean, params.high_pass_px)
    if mask is None:
        return clean - clean.mean()
    # A soft edge: the mask does not move with the sample and must not be seen itself.
    soft = ndimage.gaussian_filter(ndimage.binary_erosion(mask).astype(np.float32), 1.0)
    level = float((clean * soft).sum() / max(float(soft.sum()), 1e-9))
    return (clean - level) * soft


def displacement(reference: np.ndarray, moved: np.ndarray, upsample: int) -> np.ndarray:
    """Displacement ``(dy, dx)`` in px of `moved` against `reference`, both ``(y, x)``.

    Zero where one of them is empty.
    """
    if not (reference.any() and moved.any()):
        return np.zeros(2)
    # Both are tapered already, less than a Hann window would.
    found = CrossCorrelation(reference, upsample=upsample, window=False).displacement(moved)
    return found if np.isfinite(found).all() else np.zeros(2)


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
    floor = max(params.min_correlation, _NOISE_PEAK / np.sqrt(pixels))
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
    params: RegistrationParams,
    newest: float,
    upsample: int,
    start: int = 0,
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
        for i in order:
            image = prepared(i)
            window = _window(image.shape, params.taper)
            if not image.any():
                path[i] = path[before]
                before = i
                continue
            if running is None:
                running = first = image
                correlation[i] = 1.0
                continue
            # Read where the sample was last, so that only the step has to be found.
            here = _moved(image, path[before])
            path[i] = path[before] + displacement(running * window, here * window, upsample)
            before = i
            aligned = _moved(image, path[i])
            correlation[i] = _pearson(running * window, aligned * window)
            if correlation[i] >= params.min_correlation:
                running = (1.0 - newest) * running + newest * aligned
    return path, correlation


def _against_mean(
    prepared: Frames, path: np.ndarray, used: np.ndarray, params: RegistrationParams, kept: int
) -> tuple[np.ndarray, np.ndarray]:
    """Remaining displacement of every frame against the mean of the aligned ones."""
    n = len(path)
    aligned = lru_cache(maxsize=kept)(lambda i: _moved(prepared(i), path[i]))
    members = np.flatnonzero(used)
    total = sum(aligned(int(i)) for i in members)
    step, correlation = np.zeros((n, 2)), np.full(n, np.nan)
    for i in range(n):
        image = aligned(i)
        # A frame must not be compared with itself: its own noise would say that it is in place.
        others = members.size - int(used[i])
        if not image.any() or not others:
            continue
        window = _window(image.shape, params.taper)
        reference = (total - image if used[i] else total) / others * window
        step[i] = displacement(reference, image * window, params.upsample)
        correlation[i] = _pearson(reference, image * window)
    return step, correlation


def _moved(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Image brought back by `shift`; zero where it left the field (`prepare` made 0 the mean)."""
    return np.nan_to_num(shift_frame(image, float(shift[0]), float(shift[1])))


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else float("nan")


def _window(shape: tuple[int, ...], taper: float) -> np.ndarray:
    """Window ``(y, x)`` that fades over `taper` of the field at each border."""
    sides = []
    for n in shape:
        ramp = np.clip((np.arange(n) + 0.5) / max(taper * n, 1e-9), 0.0, 1.0)
        fade = 0.5 * (1.0 - np.cos(np.pi * ramp))
        sides.append(fade * fade[::-1])
    return (sides[0][:, None] * sides[1][None, :]).astype(np.float32)
