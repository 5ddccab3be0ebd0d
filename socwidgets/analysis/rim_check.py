"""Whether the rim of the particles is real, or made by frames that are out of place."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.frame_threads import each_frame
from socwidgets.analysis.held_still import sample_path
from socwidgets.analysis.registration import QUANTITIES, measure_drift
from socwidgets.analysis.registration_params import RegistrationParams
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, SIGNAL_STD, X, Y, spectral_dim
from socwidgets.model.rim import LIMIT_PX, RIM_CHECK, makes_a_rim, verdict_text
from socwidgets.model.stack import require_quantity
from socwidgets.model.watch import Progress, Watch

#: The rim: gradients above this share of the steep ones (their 95 % quantile).
_RIM_SHARE = 0.5
#: The parts of the field are believed where they contradict the whole by more than this, px.
_CONTRADICTS = 0.25


@dataclass(frozen=True, slots=True)
class RimCheck:
    """Verdict on what is left of the drift.

    Attributes
    ----------
    passed : bool
        Whether no frame makes a rim.
    message : str
        The verdict in a sentence, for a card or a report.
    worst_px : float
        Largest displacement that is left, px.
    false_fraction : float
        ``worst_px |grad OD| / jump`` in the rim: error of a fraction there if a frame before and
        one after the edge differ by so much.
    frames : xarray.Dataset
        ``residual_px``, ``residual_std_px``, ``false_od`` (root mean square in the rim),
        ``noise_od`` and ``flagged``, each ``(spectral,)``.
    rim : xarray.DataArray
        ``(y, x)`` bool, the pixels that would show it.
    """

    passed: bool
    message: str
    worst_px: float
    false_fraction: float
    frames: xr.Dataset
    rim: xr.DataArray


def check_rim(
    stack: xr.Dataset,
    *,
    limit_px: float = LIMIT_PX,
    params: RegistrationParams | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> RimCheck:
    """Measure what drift is left in a stack and what it does to the rim of the particles.

    A frame displaced by d changes the optical density by ``|d . grad OD|`` in a rim of width
    ``|d|``, which looks like a core and a shell. A frame is flagged where its displacement exceeds
    `limit_px` and three of its standard uncertainties, and what it does to the rim exceeds the
    noise of a pixel; both follow from the contrast of the frame itself, which is small below the
    edge. Where most parts of the field contradict the whole, the parts are believed: dust, a beam
    stop or a hot pixel does not move with the sample, and can be stronger than it.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``, optical density, registered or not.
    limit_px : float
        Displacement that is let pass, px.
    params : RegistrationParams, optional
        How the displacement is measured; against the mean of the frames if left out.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Raises
    ------
    DataError
        If the drift cannot be measured.
    CancelledError
        If `cancel` was set.
    """
    require_quantity(stack, QUANTITIES, "the check of the rim")
    chosen = (params or RegistrationParams()).replace(believe_jumps=True, degree=None)
    dim = spectral_dim(stack[SIGNAL])
    watch = Watch(progress, cancel)
    drift = measure_drift(stack, chosen, progress=watch.part(0.0, 0.95), cancel=cancel)
    signal = stack[SIGNAL].transpose(dim, Y, X)
    watch(19, 20)
    path = np.stack([drift["dy"].values, drift["dx"].values], axis=1)
    path = path - np.median(path, axis=0)
    mean = _mean(signal, watch.part(0.95, 0.97))
    slopes = _slopes(mean)
    steep = np.hypot(*slopes)
    rim = steep > _RIM_SHARE * np.quantile(steep[np.isfinite(mean)], 0.95)
    noise = _noise(stack, signal, rim, watch.part(0.97, 0.98))
    parts = sample_path(signal, mean, noise, watch.part(0.98, 0.99))
    apart = np.hypot(*(parts - path).T) > _CONTRADICTS
    path = np.where(apart[:, None], parts, path)
    strength = np.array([float(np.nansum(s[np.isfinite(mean)] ** 2)) for s in slopes])
    contrast, level = _contrast(signal, mean, rim, path, watch.part(0.99, 1.0))
    contrast = np.maximum(contrast, 1e-6)
    uncertainty = noise * np.sqrt(np.sum(1.0 / np.maximum(strength, 1e-30))) / contrast
    size = np.hypot(*path.T)
    along_y, along_x = (s[rim] for s in slopes)
    false = np.sqrt([np.mean((dy * along_y + dx * along_x) ** 2) for dy, dx in path])
    false = false * contrast
    flagged = makes_a_rim(size, uncertainty, false, noise, limit_px)
    columns = {
        "residual_px": (size, "Displacement that is left", "pixel"),
        "residual_std_px": (uncertainty, "Standard uncertainty of the displacement", "pixel"),
        "false_od": (false, "False optical density in the rim", "1"),
        "noise_od": (noise, "Noise of a pixel in the rim", "1"),
        "flagged": (flagged, "Makes a rim", "1"),
    }
    frames = xr.Dataset(
        {k: (dim, v, {"long_name": w, "units": u}) for k, (v, w, u) in columns.items()},
        {dim: stack[dim]},
    )
    worst = int(np.argmax(np.where(flagged, size, -1.0) if flagged.any() else size))
    jump = float(np.ptp(level))
    fraction = float(size[worst] * np.sqrt(np.mean(steep[rim] ** 2)) / jump) if jump > 0 else np.nan
    message = _message(frames, worst, flagged, fraction, str(stack[dim].attrs.get("units", "")))
    if (flagged & apart).any():
        message += _HELD
    made = xr.DataArray(rim, {Y: stack[Y], X: stack[X]}, (Y, X), attrs={"long_name": "Rim"})
    return RimCheck(not flagged.any(), message, float(size[worst]), fraction, frames, made)


_HELD = (
    " Something that does not move with the sample (dust, a beam stop, a hot pixel) stands out "
    "against it: leave it out with register(stack, mask=...)."
)


def with_rim_check(stack: xr.Dataset, **options: Any) -> xr.Dataset:
    """Stack that carries the verdict of `check_rim`, for the maps and the card made from it.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``, optical density, registered or not.
    **options
        As for `check_rim`.

    Returns
    -------
    xarray.Dataset
        The stack with the attribute ``rim_check`` (JSON text: ``passed`` and ``message``); without
        it where the drift cannot be measured, because the frames have no contrast.

    Raises
    ------
    DataError
        If the stack holds counts.
    """
    require_quantity(stack, QUANTITIES, "the check of the rim")
    result = stack.copy()
    result.attrs.pop(RIM_CHECK, None)
    try:
        found = check_rim(stack, **options)
    except DataError:
        return result
    result.attrs[RIM_CHECK] = verdict_text(found.passed, found.message)
    return result


def _slopes(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    filled = np.where(np.isfinite(mean), mean, np.nanmedian(mean))
    dy, dx = (ndimage.gaussian_filter(filled, 0.7, order=order) for order in ((1, 0), (0, 1)))
    return dy, dx


def _mean(signal: xr.DataArray, watch: Watch) -> np.ndarray:
    """Mean of the frames where they are finite; NaN where none is."""
    total, count = np.zeros(signal.shape[1:]), np.zeros(signal.shape[1:], np.intp)
    for _, frame in each_frame(lambda i: signal[i].values, range(len(signal)), watch):
        finite = np.isfinite(frame)
        np.add(total, frame, out=total, where=finite)
        count += finite
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _mean_of_finite(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")


def _contrast(
    signal: xr.DataArray, mean: np.ndarray, rim: np.ndarray, path: np.ndarray, watch: Watch
) -> np.ndarray:
    """Contrast of each frame in the rim as a multiple of the mean frame's, and its mean there.

    ``(2, spectral)``. A frame below the edge shows little of the sample: noise moves it far, and
    it does little harm.
    """
    filled = np.where(np.isfinite(mean), mean, np.nanmedian(mean))

    def multiple(i: int) -> tuple[float, float]:
        frame = signal[i].values
        use = rim & np.isfinite(frame)
        if not use.any():
            return 0.0, float("nan")
        at = np.argwhere(use).T - path[i][:, None]
        there = ndimage.map_coordinates(filled, at, order=1, mode="nearest")
        there = there - there.mean()
        size = abs(float((there * frame[use]).sum())) / max(float((there**2).sum()), 1e-30)
        return size, _mean_of_finite(frame[use])

    return np.array([found for _, found in each_frame(multiple, range(len(path)), watch)]).T


def _noise(stack: xr.Dataset, signal: xr.DataArray, rim: np.ndarray, watch: Watch) -> np.ndarray:
    """Noise of a pixel in the rim, ``(spectral,)``: propagated, else from neighboring pixels."""
    dim = signal.dims[0]
    std = stack[SIGNAL_STD].transpose(dim, Y, X) if SIGNAL_STD in stack else None
    # The Laplacian of a smooth image is small: what is left is noise (Immerkaer 1996).
    kernel = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])

    def noise(i: int) -> float:
        if std is not None:
            return float(np.sqrt(_mean_of_finite(std[i].values[rim] ** 2)))
        frame = signal[i].values
        rest = ndimage.convolve(np.where(np.isfinite(frame), frame, 0.0), kernel)
        return float(1.4826 * np.median(np.abs(rest)) / 6.0)

    return np.array([found for _, found in each_frame(noise, range(signal.sizes[dim]), watch)])


def _message(
    frames: xr.Dataset, worst: int, flagged: np.ndarray, fraction: float, units: str
) -> str:
    dim = str(frames["flagged"].dims[0])
    size = float(frames["residual_px"][worst])
    if not flagged.any():
        doubt = float(frames["residual_std_px"][worst])
        return f"No rim artifact: the largest displacement left is {size:.2f} ± {doubt:.2f} px."
    at = float(frames[dim][worst])
    return (
        f"Rim artifact: {int(flagged.sum())} of {flagged.size} frames are out of place, the worst "
        f"by {size:.2f} px at {at:g} {units}. In the rim this makes a false optical density of "
        f"{float(frames['false_od'][worst]):.3f} against a noise of "
        f"{float(frames['noise_od'][worst]):.3f}, and false fractions of up to about "
        f"{min(fraction, 1.0):.0%}: a core and a shell may be made by it. Register the stack."
    )
