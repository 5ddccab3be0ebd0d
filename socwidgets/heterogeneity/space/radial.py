"""From the surface of the particles to their centers."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import t as student

from socwidgets.heterogeneity.association import group_spearman
from socwidgets.heterogeneity.bootstrap import stop_if
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.model.errors import DataError, ParameterError

#: Outer and inner share of the relative depth that are compared.
SHELL = 0.2
#: Fewer pixels in rim or core than this give a particle no contrast.
MIN_PIXELS = 3
#: With so few particles every way of swapping is counted.
EXACT = 12


@dataclass(frozen=True, slots=True)
class CoreShell:
    """Rim against core over many particles.

    Attributes
    ----------
    contrast, std, low, high : float
        Mean of (rim - core) over the particles, its standard error and 95 % interval; units of
        the map. NaN with fewer than two particles that have both.
    slope : float
        Mean slope of the map against relative depth (0 surface, 1 deepest).
    spearman : float
        Mean rank correlation with relative depth.
    p : float
        Two-sided probability of so large a mean contrast if rim and core could be swapped in each
        particle: particles are the units, not pixels.
    n_particles : int
        Particles that count.
    particles : pandas.DataFrame
        By ``label``: ``rim``, ``core``, ``contrast``, ``contrast_std`` (noise alone), ``slope``,
        ``spearman``, ``depth_um`` (deepest pixel), ``n_pixels``.
    """

    contrast: float
    std: float
    low: float
    high: float
    slope: float
    spearman: float
    p: float
    n_particles: int
    particles: pd.DataFrame


def radial_profile(
    maps: xr.Dataset,
    labels: xr.DataArray,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    bins: int = 10,
    absolute: bool = False,
) -> xr.Dataset:
    """Profile against distance from the surface, all particles together.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)`` or ``(z, y, x)``.
    labels : xarray.DataArray
        Particles; the edge of the image is no surface.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights.
    bins : int
        Bins of equal pixel count.
    absolute : bool
        Depth in um instead of relative to the deepest pixel of each particle.

    Returns
    -------
    xarray.Dataset
        ``(depth,)``, mean depth of each bin: ``mean`` (weighted), ``sd`` (population), ``count``,
        ``n_particles``, and ``sem``: standard error from the scatter of the particles' own means
        in the bin, NaN below two particles.

    Raises
    ------
    DataError, KindError, ParameterError
        As `take_sample`; no bins.
    """
    if bins < 1:
        raise ParameterError("there must be a bin", expected="bins >= 1", found=str(bins))
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    depth, relative = particle_depth(sample)
    place = depth if absolute else relative
    order = np.argsort(place, kind="stable")
    which = np.empty(sample.size, np.int64)
    which[order] = np.arange(sample.size) * bins // sample.size
    return profile_by(sample, which, place, bins, "um" if absolute else "1")


def profile_by(
    sample: Sample, which: np.ndarray, place: np.ndarray, bins: int, units: str
) -> xr.Dataset:
    """Mean, sd, count, particles and standard error of pixels sorted into bins ``(n,)``."""
    w, v = sample.weights, sample.values
    mass = np.bincount(which, w, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(which, w * v, minlength=bins) / mass
        sd = np.sqrt(np.bincount(which, w * (v - mean[which]) ** 2, minlength=bins) / mass)
        at = np.bincount(which, place, minlength=bins) / np.bincount(which, minlength=bins)
    labels = np.zeros(sample.size, np.int64) if sample.labels is None else sample.labels
    _, particle = np.unique(labels, return_inverse=True)
    joint = particle * bins + which
    own = np.bincount(joint, w, minlength=(int(particle.max()) + 1) * bins).reshape(-1, bins)
    first = np.bincount(joint, w * v, minlength=own.size).reshape(-1, bins)
    seen = own > 0
    count = seen.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Linearized ratio of sums over particles (Cochran 1977, eq. 6.13).
        away = np.where(seen, first - mean * own, 0.0)
        sem = np.sqrt(count / (count - 1) * np.sum(away**2, axis=0)) / mass
    columns = {
        "mean": mean, "sd": sd, "sem": np.where(count > 1, sem, np.nan),
        "count": np.bincount(which, minlength=bins), "n_particles": count,
    }  # fmt: skip
    coords = {"depth": ("depth", at, {"units": units, "long_name": "Depth below the surface"})}
    return xr.Dataset({k: ("depth", c) for k, c in columns.items()}, coords)


def core_shell_contrast(
    maps: xr.Dataset,
    labels: xr.DataArray,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    shell: float = SHELL,
    permutations: int = 9999,
    seed: int = 0,
) -> CoreShell:
    """Compare the rim of the particles with their core.

    Parameters
    ----------
    maps, labels, variable, weights
        See `radial_profile`.
    shell : float
        Outer and inner share of the relative depth, above 0, at most 0.5.
    permutations : int
        Random swaps for p; with up to 12 particles all are counted.
    seed : int
        Of the swaps.

    Returns
    -------
    CoreShell
        Rim minus core in the unit of the map, without noise, with its interval and p.

    Raises
    ------
    DataError, KindError, ParameterError
        As `take_sample`; a shell out of range.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    return core_shell_of(sample, shell=shell, permutations=permutations, seed=seed)


def core_shell_of(
    sample: Sample,
    *,
    shell: float = SHELL,
    permutations: int = 9999,
    seed: int = 0,
    depths: tuple[np.ndarray, np.ndarray] | None = None,
    ranks: bool = True,
    cancel: threading.Event | None = None,
) -> CoreShell:
    """`core_shell_contrast` of a sample with labels; `depths` from `particle_depth`, if known.

    Without `ranks` the rank correlation, which sorts every pixel twice, is left NaN.
    `CancelledError` if `cancel` was set before all swaps were made.
    """
    if not 0 < shell <= 0.5:
        raise ParameterError(
            "the shell is out of range", expected="a share above 0, at most 0.5", found=str(shell)
        )
    table = _by_particle(sample, shell, depths or particle_depth(sample), ranks)
    contrast = table.contrast.dropna().to_numpy()
    n = contrast.size
    if n < 2:
        nan = float("nan")
        return CoreShell(nan, nan, nan, nan, nan, nan, nan, n, table)
    mean, std = float(contrast.mean()), float(contrast.std(ddof=1) / np.sqrt(n))
    width = float(student.ppf(0.975, n - 1)) * std
    return CoreShell(
        mean, std, mean - width, mean + width, float(table.slope.mean()),
        float(table.spearman.mean()), _swap_p(contrast, permutations, seed, cancel), n, table,
    )  # fmt: skip


def particle_depth(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Depth of each pixel below its particle's surface (um), and relative to the deepest one.

    Raises
    ------
    DataError
        Without labels, or if a particle has no surface in the image.
    """
    from socwidgets.kernels.distance import surface_distance

    image = np.zeros(sample.shape, np.int32)
    image[sample.position] = sample.particle
    depth = surface_distance(image, sample.spacing_um)[sample.position]
    if not np.isfinite(depth).all():
        raise DataError(
            "the particle has no surface",
            expected="background pixels, or a second particle",
            found="one label on every pixel",
        )
    # Pixel centers at the surface lie half a pixel deep.
    depth = depth - min(sample.spacing_um) / 2
    deepest = np.zeros(int(sample.particle.max()) + 1)
    np.maximum.at(deepest, sample.particle, depth)
    return depth, depth / deepest[sample.particle]


def _by_particle(
    sample: Sample, shell: float, depths: tuple[np.ndarray, np.ndarray], ranks: bool
) -> pd.DataFrame:
    depth, relative = depths
    ids, index = np.unique(sample.particle, return_inverse=True)
    w, v = sample.weights, sample.values

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(index, values, minlength=ids.size)

    found: dict[str, np.ndarray] = {}
    noise = np.zeros(ids.size)
    with np.errstate(invalid="ignore", divide="ignore"):
        for name, inside in (("rim", relative <= shell), ("core", relative >= 1 - shell)):
            mass, count = total(w * inside), total(inside.astype(float))
            enough = count >= MIN_PIXELS
            found[name] = np.where(enough, total(w * v * inside) / mass, np.nan)
            noise += total(w**2 * sample.noise_variance * inside) / mass**2
        mass = total(w)
        at, mean = total(w * relative) / mass, total(w * v) / mass
        spread = total(w * (relative - at[index]) ** 2)
        slope = total(w * (relative - at[index]) * (v - mean[index])) / spread
    deepest = np.zeros(ids.size)
    np.maximum.at(deepest, index, depth)
    columns = {
        **found,
        "contrast": found["rim"] - found["core"],
        "contrast_std": np.sqrt(noise),
        "slope": np.where(spread > 0, slope, np.nan),
        "spearman": group_spearman(index, relative, v, ids.size) if ranks else np.nan,
        "depth_um": deepest,
        "n_pixels": total(np.ones(v.size)).astype(int),
    }
    return pd.DataFrame(columns, index=pd.Index(ids.astype(int), name="label"))


def _swap_p(
    contrast: np.ndarray, permutations: int, seed: int, cancel: threading.Event | None
) -> float:
    """Two-sided p of the mean under random signs."""
    n = contrast.size
    observed = abs(contrast.mean()) - 1e-12 * np.abs(contrast).max()
    if n <= EXACT:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        means = (1 - 2 * bits) @ contrast / n
        return float(np.mean(np.abs(means) >= observed))
    rng = np.random.default_rng(seed)
    above = 0
    for start in range(0, permutations, 1000):
        stop_if(cancel)
        size = min(1000, permutations - start)
        signs = rng.integers(0, 2, (size, n), dtype=np.int8) * 2 - 1
        above += int(np.count_nonzero(np.abs(signs @ contrast / n) >= observed))
    return (above + 1) / (permutations + 1)
