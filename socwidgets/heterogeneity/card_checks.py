"""The checks of a card: what could make a map look heterogeneous that is not, or hide it."""

from __future__ import annotations

import threading

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.heterogeneity.bootstrap import stop_if
from socwidgets.heterogeneity.card_parts import CAUTION, NOT_RUN, PASSED, CardCheck
from socwidgets.heterogeneity.fitting import image_dims
from socwidgets.heterogeneity.noise_floor import NoiseFloor
from socwidgets.heterogeneity.sample import Sample
from socwidgets.heterogeneity.slopes import neighbor_slope
from socwidgets.heterogeneity.space.structure import CorrelationLength
from socwidgets.model.names import STATUS
from socwidgets.model.rim import SIGNIFICANCE, makes_a_rim
from socwidgets.model.status import USABLE, Status

#: Fewer than this make shares of the variance rough.
MIN_PARTICLES = 10
#: Share of the usable pixels at a bound above which the spread is cut.
MAX_AT_BOUND = 0.05


def projection_check(sample: Sample, projection: bool) -> CardCheck:
    """Whether particles are seen in projection."""
    words = "Projection along the beam"
    if len(sample.shape) == 3:
        return CardCheck("projection", words, PASSED, "a volume: nothing is averaged over")
    if not projection:
        return CardCheck("projection", words, PASSED, "said to be a section, not a projection")
    return CardCheck(
        "projection", words, CAUTION,
        "a sharp core and shell look intermediate; the spread within particles is a lower limit",
    )  # fmt: skip


def particles_check(n_particles: int | None) -> CardCheck:
    """Whether there are enough particles to speak of a population."""
    words = "Number of particles"
    if n_particles is None:
        return CardCheck("particles", words, NOT_RUN, "no labels were given")
    outcome = PASSED if n_particles >= MIN_PARTICLES else CAUTION
    return CardCheck("particles", words, outcome, f"{n_particles}, {MIN_PARTICLES} are wanted")


def resolution_check(
    length: CorrelationLength, resolution_um: float | None, units: str
) -> CardCheck:
    """Whether the structure is larger than the resolution and fits into the field.

    `units` are those of the length, ``um`` or ``px``.
    """
    words = "Resolution and field against the structure"
    if not np.isfinite(length.length_um) and not length.reason.startswith("no distance"):
        return CardCheck("resolution", words, NOT_RUN, "no structure above the noise")
    if not length.reported:
        return CardCheck("resolution", words, CAUTION, length.reason)
    if resolution_um is None:
        found = f"length of {length.length_um:.3g} {units} against one pixel only"
        return CardCheck("resolution", words, NOT_RUN, f"{found}: give resolution_um")
    if units != "um":
        found = f"length of {length.length_um:.3g} {units}, resolution {resolution_um:.3g} um"
        return CardCheck("resolution", words, NOT_RUN, f"{found}: the pixel size is not known")
    return CardCheck(
        "resolution", words, PASSED,
        f"{length.length_um:.3g} um, resolution {resolution_um:.3g} um",
    )  # fmt: skip


def pixel_checks(maps: xr.Dataset, variable: str, labels: np.ndarray | None) -> list[CardCheck]:
    """Saturated, clipped and uncalibrated pixels."""
    words = ("Saturated pixels", "Pixels at a bound of the fit", "Pixels outside the calibration")
    names = ("saturation", "clipping", "calibration")
    if STATUS not in maps:
        return [
            CardCheck(n, w, NOT_RUN, "no status map") for n, w in zip(names, words, strict=True)
        ]
    codes = maps[STATUS].transpose(*image_dims(maps[variable])).values
    if labels is not None:
        codes = codes[labels > 0]
    usable = max(int(np.isin(codes, [int(c) for c in USABLE]).sum()), 1)
    saturated, bound, outside = (
        int(np.count_nonzero(codes == code))
        for code in (Status.SATURATED, Status.AT_BOUND, Status.OUT_OF_RANGE)
    )
    # Where a bounded map stands beside it, the map itself holds what the fit gives without bounds.
    free = f"{variable}_bounded" in maps
    cut = bound > MAX_AT_BOUND * usable and not free
    found = f"{bound}, {100 * bound / usable:.1f} %"
    if cut:
        found += ": the spread is cut short"
    elif free and bound:
        found += "; the values are those of the fit without bounds"
    return [
        CardCheck(names[0], words[0], CAUTION if saturated else PASSED, f"{saturated} left out"),
        CardCheck(names[1], words[1], CAUTION if cut else PASSED, found),
        CardCheck(names[2], words[2], CAUTION if outside else PASSED, f"{outside} left out"),
    ]  # fmt: skip


def noise_check(floor: NoiseFloor) -> CardCheck:
    """Whether the sources of the noise agree."""
    words = "Noise floor from several sources"
    if len(floor.estimates) < 2:
        return CardCheck("noise", words, NOT_RUN, "only one source: give a repeat or a reference")
    found = ", ".join(f"{e.source} {e.sigma:.3g}" for e in floor.estimates)
    return CardCheck("noise", words, PASSED if floor.agree else CAUTION, found)


def scale_check(field: xr.DataArray) -> list[CardCheck]:
    """Nothing where the pixel size is known; else that every length is in pixels."""
    missing = [str(d) for d in field.dims if field[d].attrs.get("units") == "pixel"]
    missing += [str(dim) for dim in field.dims if dim not in field.coords]
    if not missing:
        return []
    detail = f"no positions along {', '.join(missing)}: lengths and areas are in pixels, not um"
    return [CardCheck("scale", "Pixel size", CAUTION, detail)]


def rim_check(
    sample: Sample,
    depth: np.ndarray | None,
    measured: tuple[bool, str] | None = None,
    cancel: threading.Event | None = None,
) -> CardCheck:
    """Whether the rim of the particles is made by a drift between energies.

    Where the stack was looked at (`measured`: what `socwidgets.model.rim.read_verdict` finds in the
    map's attributes) that verdict stands. Else the map itself is asked. A displacement d between
    images before and after the edge changes the optical density by ``d . grad OD``: in the rim,
    with the opposite sign on the opposite side. A real core and shell is the same all
    around. The values of the outermost two pixels relative to the inside are fitted with
    ``a_y n_y + a_x n_x``, n the outward direction; the errors are those of the particles. With the
    thickness t the lean is a displacement, ``d = a t/|grad t|``, and judged like a measured one;
    without, it must exceed the noise of a pixel.
    """
    words = "Rim of the particles (registration)"
    if measured is not None:
        return CardCheck("rim", words, PASSED if measured[0] else CAUTION, measured[1])
    if sample.labels is None or len(sample.shape) != 2 or depth is None or min(sample.shape) < 3:
        return CardCheck("rim", words, NOT_RUN, "needs particles in an image")
    found = rim_lean(sample, depth)
    if found is None:
        return CardCheck("rim", words, NOT_RUN, "particles too small or too few")
    lean, error = found
    rim = depth < 1.9 * min(sample.spacing_um)
    noise = float(np.sqrt(np.median(sample.noise_variance[rim])))
    # Particles that are all alike have no error, and lean by nothing.
    size, errors = float(np.hypot(*lean)), float(np.hypot(*(lean / np.maximum(error, 1e-300))))
    stop_if(cancel)
    slopes = _relative_slope(sample)[rim]
    steepness = float(np.median(slopes[np.isfinite(slopes)])) if np.isfinite(slopes).any() else 0.0
    known = steepness > 0
    moved = size / steepness if known else np.inf
    failed = bool(makes_a_rim(moved, moved / max(errors, 1e-9) if known else 0.0, size, noise))
    failed = failed and errors > SIGNIFICANCE
    detail = f"leans by {size:.2g} ({errors:.1f} standard errors) to one side"
    if known:
        detail += f", as {moved:.2f} px between energies would make it"
    if failed:
        detail += ": looks like a drift between energies; register the stack"
    return CardCheck("rim", words, CAUTION if failed else PASSED, detail)


def _relative_slope(sample: Sample) -> np.ndarray:
    """``|grad t|/t`` per px at each pixel of the sample, t the weights (thickness).

    From the neighbors that belong to the sample, so that its border is no cliff; NaN without any,
    and where all weights are the same.
    """
    if np.ptp(sample.weights) == 0:
        return np.full(sample.size, np.nan)
    image = sample.image(sample.weights, np.nan)
    slopes = [neighbor_slope(image, axis) for axis in (0, 1)]
    return (np.hypot(*slopes) / image)[sample.position]


def rim_lean(sample: Sample, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Lean of the rim along y and x in the map's units, and its standard errors."""
    pixel = min(sample.spacing_um)
    rim = depth < 1.9 * pixel
    inside = (depth > 3 * pixel) & (depth < 7 * pixel)
    labels = sample.particle
    size = int(labels.max()) + 1
    w, v = sample.weights, sample.values
    mass = np.bincount(labels[inside], w[inside], minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.bincount(labels[inside], (w * v)[inside], minlength=size) / mass
    seen = ndimage.gaussian_filter(sample.seen().astype(float), 1.5)
    if min(seen.shape) < 2:  # one row of pixels has no rim to either side
        return None
    slopes = [-np.gradient(seen, axis=axis) for axis in (0, 1)]
    normal = np.stack([slope[sample.position] for slope in slopes])
    length = np.hypot(*normal)
    use = rim & (length > 1e-6) & np.isfinite(level[labels])
    n_particles = np.count_nonzero(np.bincount(labels[use]))
    if n_particles < 3 or use.sum() < 30:
        return None
    n = normal[:, use] / length[use]
    away = v[use] - level[labels[use]]
    own = labels[use]
    # The mean of the rim is a real core and shell (or smoothing): taken off per particle.
    count = np.bincount(own, minlength=size)
    away = away - (np.bincount(own, away, minlength=size) / np.maximum(count, 1))[own]
    gram = n @ n.T
    lean = np.linalg.solve(gram, n @ away)
    rest = away - lean @ n
    scores = np.stack([np.bincount(own, c * rest, minlength=size) for c in n])
    k = n_particles
    inverse = np.linalg.inv(gram)
    # Sandwich over particles: pixels of one particle share what it is.
    covariance = inverse @ (scores @ scores.T) @ inverse * k / (k - 1)
    return lean, np.sqrt(np.diag(covariance))
