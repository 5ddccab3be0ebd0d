"""Every measure of phase separation, one row per particle, with the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from socwidgets.heterogeneity.fitting import fitting_labels, map_of
from socwidgets.heterogeneity.inputs import checked_ends
from socwidgets.heterogeneity.phases.bimodality import dip_test, sarle_coefficient
from socwidgets.heterogeneity.phases.boundary import boundary_length, boundary_width
from socwidgets.heterogeneity.phases.decision import DecisionParameters, PhaseNumbers, decide
from socwidgets.heterogeneity.phases.domains import find_domains
from socwidgets.heterogeneity.phases.front import FrontGeometry, front_geometry
from socwidgets.heterogeneity.phases.mixtures import effective_number, gaussian_mixtures
from socwidgets.heterogeneity.phases.plateau import shares_by_group
from socwidgets.heterogeneity.phases.uniformity import uniformity_coefficient
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.model.errors import CancelledError, DataError
from socwidgets.model.kinds import require_kind

#: What every result on a projected map must be read with.
PROJECTION_NOTE = (
    "A map in transmission is a mean along the beam: a sharp core and shell looks intermediate, so "
    "an intermediate composition is no proof of a solid solution."
)
VOLUME_NOTE = "A volume: what is finer than a voxel or the resolution looks intermediate."
_KINDS = ("soc", "x_li", "x_removed", "fraction")


@dataclass(frozen=True, slots=True)
class _Setting:
    """What is the same for every particle."""

    ends: tuple[float, float]
    length_px: float
    smooth_px: float
    resolution_um: float
    pixel_um: tuple[float, ...]
    params: DecisionParameters


def phase_table(
    maps: xr.Dataset,
    labels: xr.DataArray,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    ends: tuple[float, float] = (0.0, 1.0),
    length_px: float = 1.0,
    smooth_px: float = 1.0,
    resolution_um: float = 0.0,
    params: DecisionParameters | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancel: Event | None = None,
) -> pd.DataFrame:
    """Two phases or a solid solution? Every measure of it, for every particle of a map.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable` (a composition), its ``_std`` and ``status``, ``(y, x)`` or
        ``(z, y, x)``.
    labels : xarray.DataArray
        Of the map's shape, integer, 0 = background.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights, see `take_sample`.
    ends : (float, float)
        Compositions of the end members, from references or calibration.
    length_px : float
        Correlation length of the measurement (its resolution), for the number of independent
        pixels.
    smooth_px : float
        Smoothing for domains and contours.
    resolution_um : float
        Full width at half maximum of the resolution, for the boundary width.
    params : DecisionParameters, optional
        Thresholds of the verdict.
    progress : callable, optional
        ``progress(done, particles)``.
    cancel : threading.Event, optional
        Set it from another thread to stop.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``label``: ``state`` and ``reason``, then n_pixels, contrast, mean, poor, rich,
        intermediate, naive_intermediate, sarle, dip_p, components, separation, uniformity (with
        ``_std``), n_domains, largest_domain, boundary_um, boundary_density (per um),
        width_um (observed, 10-90 %), width_true_um, width_status, contact, contact_phase,
        anisotropy, direction_deg, core_shell_index. NaN where a number has no meaning
        (the boundary's and the front's where there are no two phases). Of a volume the boundary is
        an area, ``boundary_um2``, and there is no ``direction_deg``.
        ``attrs["note"]`` says what a projection does to it.

    Raises
    ------
    KindError
        If the map is no composition.
    DataError
        If shapes do not fit, nothing usable is there, or the map has no standard uncertainty.
    CancelledError
        If `cancel` was set.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    require_kind(maps[variable], _KINDS, "phase separation")
    if not np.isfinite(sample.noise_variance).any():
        raise DataError(
            "phase separation cannot be told from noise that is not known",
            expected=f"a map {variable}_std with finite values",
            found="none",
            fix="fit with signal_std, or add the noise of a homogeneous reference",
        )
    if sample.labels is None:
        raise DataError("phase separation is judged particle by particle", fix="pass labels")
    setting = _Setting(
        checked_ends(ends), length_px, smooth_px, resolution_um, sample.spacing_um,
        params or DecisionParameters(),
    )  # fmt: skip
    ids, group = np.unique(sample.labels, return_inverse=True)
    noise = np.sqrt(_filled_noise(sample.noise_variance))
    shares = shares_by_group(sample.values, noise, sample.weights, group, setting.ends)
    whole = fitting_labels(labels, map_of(maps, variable))
    boxes = ndimage.find_objects(whole)
    field = sample.image(fill=np.nan)
    owned = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    rows = []
    for i, label in enumerate(ids):
        if cancel is not None and cancel.is_set():
            raise CancelledError
        cut = _Cut.of(sample, owned[i], noise, field, whole, boxes, int(label))
        rows.append(_row(cut, shares[i], setting))
        if progress is not None:
            progress(i + 1, ids.size)
    table = pd.DataFrame(rows, index=pd.Index(ids.astype(int), name="label"))
    table.attrs["note"] = PROJECTION_NOTE if field.ndim == 2 else VOLUME_NOTE
    return table


def _filled_noise(variance: np.ndarray) -> np.ndarray:
    """Pixels without a sigma of their own get the median one."""
    return np.where(np.isfinite(variance), variance, np.nanmedian(variance))


@dataclass(frozen=True, slots=True)
class _Cut:
    """One particle: its pixels, and the window of the image around it."""

    values: np.ndarray
    weights: np.ndarray
    noise: np.ndarray
    image: np.ndarray
    inside: np.ndarray
    other: np.ndarray

    @classmethod
    def of(
        cls,
        sample: Sample,
        own: np.ndarray,
        noise: np.ndarray,
        field: np.ndarray,
        labels: np.ndarray,
        boxes: list[Any],
        label: int,
    ) -> _Cut:
        box = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in boxes[label - 1])
        around = labels[box]
        # A neighbor, or a pixel without a value, is no free surface.
        return cls(
            sample.values[own], sample.weights[own], noise[own], field[box], around == label,
            (around > 0) & (around != label),
        )  # fmt: skip


def _row(cut: _Cut, shares: np.ndarray, setting: _Setting) -> dict[str, Any]:
    low, high = setting.ends
    noise = float(np.sqrt(np.average(cut.noise**2, weights=cut.weights)))
    mean = float(np.average(cut.values, weights=cut.weights))
    n_eff = effective_number(cut.values.size, setting.length_px, cut.image.ndim)
    mixture = gaussian_mixtures(cut.values, noise, cut.weights, n_eff=n_eff, ends=setting.ends)
    uniform = uniformity_coefficient(cut.values, cut.noise**2, cut.weights, ends=setting.ends)
    domains = find_domains(
        cut.image, cut.inside, ends=setting.ends, smooth_px=setting.smooth_px, min_pixels=6
    )
    front = front_geometry(
        cut.image, cut.inside, ends=setting.ends, noise_std=noise, pixel_um=setting.pixel_um,
        smooth_px=max(setting.smooth_px, 0.7), cut=cut.other,
    )  # fmt: skip
    best = mixture.best
    numbers = PhaseNumbers(
        n_pixels=cut.values.size,
        contrast=0.5 * (high - low) / noise if noise > 0 else float("inf"),
        mean=(mean - low) / (high - low),
        poor=float(shares[0]),
        rich=float(shares[1]),
        intermediate=float(shares[2]),
        components=best.k if best else 0,
        separation=mixture.separation,
        uniformity=uniform.value,
        n_domains=domains.count,
        contact=front.contact,
        anisotropy=front.anisotropy,
    )
    state, reason = decide(numbers, setting.params)
    # Without two phases the contour at the middle is drawn by the noise.
    parts = min(numbers.poor, numbers.rich) >= setting.params.min_phase
    parts &= numbers.intermediate < setting.params.min_intermediate
    return {
        "state": str(state),
        "reason": reason,
        "n_pixels": numbers.n_pixels,
        "contrast": numbers.contrast,
        "mean": mean,
        "poor": numbers.poor,
        "rich": numbers.rich,
        "intermediate": numbers.intermediate,
        "naive_intermediate": _naive(cut, low, high),
        "sarle": sarle_coefficient(cut.values, cut.weights),
        "dip_p": dip_test(cut.values, n_eff=n_eff).p_value,
        "components": numbers.components,
        "separation": numbers.separation,
        "uniformity": uniform.value,
        "uniformity_std": uniform.std,
        "n_domains": domains.count if parts else 1,
        "largest_domain": domains.largest_share if parts else 1.0,
        **_boundary(cut, setting, parts),
        **_front(front, parts),
    }


def _front(front: FrontGeometry, parts: bool) -> dict[str, Any]:
    """How the front lies; NaN where there are no two phases, but for rim against core."""
    nan = float("nan")
    return {
        "contact": front.contact if parts else nan,
        "contact_phase": front.contact_phase if parts else "",
        "anisotropy": front.anisotropy if parts else nan,
        "direction_deg": front.direction_deg if parts else nan,
        "core_shell_index": front.core_shell_index,
    }


def _boundary(cut: _Cut, setting: _Setting, parts: bool) -> dict[str, Any]:
    """Size and width of the boundary; NaN where there are no two phases."""
    name = "boundary_um" if cut.image.ndim == 2 else "boundary_um2"
    nan = float("nan")
    if not parts:
        words = ("boundary_density", "width_um", "width_true_um")
        return {name: nan, **dict.fromkeys(words, nan), "width_status": "no boundary"}
    size = boundary_length(
        cut.image, cut.inside, setting.pixel_um, ends=setting.ends, smooth_px=setting.smooth_px
    )
    width = boundary_width(
        cut.image, cut.inside, setting.pixel_um, resolution_um=setting.resolution_um,
        ends=setting.ends, smooth_px=2.0 * setting.smooth_px,
    )  # fmt: skip
    return {
        name: size,
        "boundary_density": size / (cut.values.size * float(np.prod(setting.pixel_um))),
        "width_um": width.observed,
        "width_true_um": width.true,
        "width_status": width.status,
    }


def _naive(cut: _Cut, low: float, high: float) -> float:
    """Share of pixels in the inner 80 % of the range, noise and all."""
    place = (cut.values - low) / (high - low)
    return float(np.average((place > 0.1) & (place < 0.9), weights=cut.weights))
