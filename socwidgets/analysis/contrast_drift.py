"""Drift of what changes its contrast with the energy, beside the drift that was found.

Dirt on the detector or in the flat field stands still and has the same optical density at every
energy. It can hold a correlation at zero while the sample moves behind it, and then everything
looks registered. Against the mean over the energies it cancels, and the sample does not: its
contrast changes at the edge. What is left of the frames tells how far the sample moved.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from socwidgets.analysis.frame_preparation import block_sums

#: Frames further from the middle of the path than this are not looked at, px: dirt that stands
#: still cannot have led there, and what follows is linear in the displacement.
_NEAR_PX = 2.0
#: So many frames are enough, and so many are needed.
_MOST, _FEWEST = 32, 8
#: Images of at least this many pixels along each side are binned, again and again.
_BINNED = 192
#: Frames with less than this share of the largest contrast show too little of the sample.
_CONTRAST = 0.5
#: Width of the Gaussian that smooths what frames are compared with, px: the answer stays linear.
_SMOOTH_PX = 1.0
#: The sample moved apart from the path where it differs by more than this, px, and by so many
#: standard uncertainties, and where the path explains less than this share of its motion.
_APART_PX, _SIGMA, _SHARE = 0.15, 5.0, 0.7


def moves_apart(
    prepared: Callable[[int], np.ndarray], path: np.ndarray, used: np.ndarray, window: np.ndarray
) -> float:
    """How far the sample moved apart from the path that was found for it.

    A frame is ``M + w S - c d grad S``: M the mean over the frames, S the image that explains most
    of how they change, c its contrast, d the displacement (least squares, linear in d). M holds
    what stands still; the contrast of the sample in M is that of S in it.

    Parameters
    ----------
    prepared : callable
        Index -> ``(y, x)``, or ``(2, y, x)`` with weights, as it was correlated.
    path : ndarray
        ``(frame, 2)``, drift that was found, px.
    used : ndarray of bool
        ``(frame,)``, frames with a drift of their own.
    window : ndarray
        ``(y, x)``, weights.

    Returns
    -------
    float
        Root mean square over the frames of the difference, px; 0 where it is none, is not
        significant, or cannot be told because no contrast changes.
    """
    if np.count_nonzero(used) < _FEWEST:
        return 0.0
    path = path - np.median(path[used], axis=0)
    near = np.flatnonzero(used & (np.hypot(*path.T) < _NEAR_PX))
    if near.size > _MOST:
        near = near[np.linspace(0, near.size - 1, _MOST).round().astype(int)]
    if near.size < _FEWEST:
        return 0.0
    frames, weight, bin_px = _small(prepared, near, window)
    found = _displacements(frames, weight)
    if found is None:
        return 0.0
    seen, moved, sigma = found
    moved, sigma, expected = moved * bin_px, sigma * bin_px, path[near[seen]]
    moved, expected = (a - np.median(a, axis=0) for a in (moved, expected))
    apart = _rms(moved - expected - np.median(moved - expected, axis=0))
    share = float((moved * expected).sum() / max(float((moved**2).sum()), 1e-30))
    believed = apart > max(_APART_PX, _SIGMA * sigma) and share < _SHARE
    return apart if believed else 0.0


def warn_if_held(apart_px: float) -> None:
    """Say that something else than the sample may have been registered, and what to do."""
    if apart_px > 0.0:
        warnings.warn(
            f"the sample moves by {apart_px:.1f} px (root mean square) apart from the drift that "
            "was found: something that does not move with it (dust or scratches on the detector "
            "or in the flat field, a beam stop, hot pixels) holds the frames. Leave it out with "
            "register(stack, mask=...), True where only the sample is seen, or take newer flats; "
            "then look at check_rim",
            UserWarning,
            stacklevel=3,
        )


def _small(
    prepared: Callable[[int], np.ndarray], numbers: np.ndarray, window: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Frames ``(frame, y, x)``, squared weights of the pixels, and width of a pixel, px."""
    bin_px = 2 ** max(0, int(np.floor(np.log2(min(window.shape) / _BINNED))) + 1)
    shape = tuple(n // bin_px for n in window.shape)
    frames = np.empty((numbers.size, *shape), np.float32)
    weight = window.astype(np.float32)
    for frame, number in zip(frames, numbers, strict=True):
        image = prepared(int(number))
        if image.ndim == 3:
            weight = weight * image[1]
            image = image[0]
        frame[:] = block_sums(image, bin_px)
    return frames, block_sums(weight, bin_px) ** 2, bin_px


def _displacements(
    frames: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Frames with enough contrast, their displacements ``(frame, 2)``, the median uncertainty."""
    mean = frames.mean(axis=0)
    amounts = _sums(frames, weight * mean)
    image = mean
    # From the mean toward the component of largest variance: dirt that is strong in the mean hides
    # how the sample changes.
    for _ in range(2):
        amounts = amounts - amounts.mean()
        size = float(amounts @ amounts)
        if not size > 0.0:
            return None
        image = np.einsum("f,fyx->yx", (amounts / size).astype(np.float32), frames)
        amounts = _sums(frames, weight * image)
    level = np.stack([mean, image, *np.gradient(image)])
    smooth = [ndimage.gaussian_filter(one, _SMOOTH_PX) for one in (mean, image)]
    against = np.stack([*smooth, *np.gradient(smooth[1])]) * weight
    normal = np.einsum("pyx,qyx->pq", against, level).astype(np.float64)
    root = np.sqrt(np.maximum(np.diag(normal), 1e-30))
    scaled = normal / np.outer(root, root)
    if np.linalg.matrix_rank(scaled) < len(scaled):
        return None
    inverse = np.linalg.inv(scaled) / np.outer(root, root)
    sums = np.stack([_sums(frames, one) for one in against])
    found = (inverse @ (sums - sums.mean(axis=1, keepdims=True))).T
    contrast = found[:, 1] + normal[1, 0] / normal[1, 1]
    seen = np.flatnonzero(contrast > _CONTRAST * contrast.max())
    if seen.size < _FEWEST // 2:
        return None
    moved = -found[seen, 2:] / contrast[seen, None]
    spread = inverse @ np.einsum("pyx,qyx->pq", against, against) @ inverse.T
    left = frames[seen[seen.size // 2]] - mean
    left = left - np.einsum("p,pyx->yx", found[seen[seen.size // 2]].astype(np.float32), level)
    noise = np.sqrt(float((weight * left**2).sum() / weight.sum()) * np.diag(spread)[2:].max())
    return seen, moved, float(noise / np.median(contrast[seen]))


def _sums(frames: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum of each frame; not by BLAS, whose threads cost more than such sums."""
    sums: np.ndarray = np.einsum("fyx,yx->f", frames, weights.astype(np.float32))
    return sums.astype(np.float64)


def _rms(paths: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.sum(paths**2, axis=1))))
