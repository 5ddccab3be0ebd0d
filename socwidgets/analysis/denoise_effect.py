"""What denoising does to the spread of a map: noise that it takes, and signal that it takes too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.decomposition import denoise, pca
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, SIGNAL_STD

Measure = Callable[[xr.Dataset], xr.DataArray]

#: Share of the pixels without a value from which on a spread is that of a selection.
_MANY = 0.02


@dataclass(frozen=True, slots=True)
class DenoiseEffect:
    """Spread of one map before and after denoising.

    Attributes
    ----------
    observed, noise, true : (float, float)
        Before and after: standard deviation of the map, of its noise, and without the noise,
        ``sqrt(observed^2 - noise^2)`` (0 where the noise explains all).
    true_std : (float, float)
        Standard uncertainty of the latter, from the number of pixels (as if independent).
    kept : float
        ``true`` after over before; NaN where there was none.
    lost : (float, float)
        Share of the pixels with a value in any map that have none before and after, the draws of
        noise counted in: those left the range that the measure allows.
    n_pixels, n_components, seed : int
        How it was found.
    verdict : str
        In words.
    """

    observed: tuple[float, float]
    noise: tuple[float, float]
    true: tuple[float, float]
    true_std: tuple[float, float]
    kept: float
    lost: tuple[float, float]
    n_pixels: int
    n_components: int
    seed: int
    verdict: str

    def table(self) -> pd.DataFrame:
        """Rows before and after; columns observed, noise, true, true_std."""
        columns = {n: getattr(self, n) for n in ("observed", "noise", "true", "true_std")}
        return pd.DataFrame(columns, index=["before", "after"])


def denoise_effect(
    stack: xr.Dataset,
    measure: Measure,
    *,
    n_components: int | None = None,
    mask: xr.DataArray | None = None,
    repeats: int = 3,
    seed: int = 0,
) -> tuple[xr.Dataset, DenoiseEffect]:
    """Denoise a stack by principal components and tell what that did to a map.

    The noise of the map is found by adding noise of the known size once more and looking how far
    the map moves, with the components found anew each time. So the method makes no assumption
    about how a denoiser correlates its pixels.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``; its noise is ``signal_std``, or that of `pca`.
    measure : callable
        ``stack -> (y, x)`` map, for instance ``lambda s: soc_map(fit_map(s, ...)).soc``.
    n_components : int, optional
        Components to keep; those above the noise if left out.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels of the components and of the statistics.
    repeats : int
        Times that noise is added.
    seed : int
        Of that noise.

    Returns
    -------
    denoised : xarray.Dataset
        From `denoise`.
    effect : DenoiseEffect

    Raises
    ------
    DataError
        If fewer than two pixels have a value in both maps, or `measure` makes no map.
    """
    components = pca(stack, mask=mask, n_components=n_components)
    kept = components.sizes["component"]
    clean = denoise(stack, components)
    sigma: float | np.ndarray = components.attrs["noise_std"]
    if SIGNAL_STD in stack:
        sigma = stack[SIGNAL_STD].transpose(*stack[SIGNAL].dims).values
    maps = [measure(stack), measure(clean)]
    if not isinstance(maps[0], xr.DataArray):
        raise DataError(
            "the measure makes no map",
            expected="a callable that takes a stack and returns an xarray.DataArray (y, x)",
            found=type(maps[0]).__name__,
        )
    maps[1] = maps[1].transpose(*maps[0].dims)
    use = maps[0].notnull() & maps[1].notnull()
    if mask is not None:
        if isinstance(mask, xr.DataArray):
            mask = mask.broadcast_like(maps[0]).transpose(*maps[0].dims)
        use = use & mask
    chosen = use.values
    count = int(np.count_nonzero(chosen))
    if count < 2:
        raise DataError("the map has no spread", expected="two pixels or more", found=str(count))
    rng = np.random.default_rng(seed)
    moved = np.zeros((2, repeats))
    seen = [[m.notnull().values] for m in maps]
    for r in range(repeats):
        extra = sigma * rng.standard_normal(stack[SIGNAL].shape)
        noisy = stack.copy()
        noisy[SIGNAL] = (stack[SIGNAL] + extra).astype(stack[SIGNAL].dtype)
        again = denoise(noisy, pca(noisy, mask=mask, n_components=kept))
        for i, changed in enumerate((noisy, again)):
            found = measure(changed).transpose(*maps[0].dims)
            seen[i].append(found.notnull().values)
            moved[i, r] = np.nanvar((found - maps[i]).values[chosen])
    observed = np.array([np.var(m.values[chosen].astype(float)) for m in maps])
    effect = _effect(observed, moved.mean(axis=1), count, kept, seed)
    lost = _lost(np.array(seen), None if mask is None else np.asarray(mask))
    if max(lost) > _MANY:
        text = (
            f"{100 * lost[0]:.0f} % of the pixels have no value before and {100 * lost[1]:.0f} % "
            "after: they left the range of the measure, and the spreads are those of the others. "
            "Let it reach further (for a white line recenter=True or a larger half_width), or bin "
            "pixels"
        )
        effect = replace(effect, verdict=text)
    return clean, replace(effect, lost=lost)


def _lost(seen: np.ndarray, mask: np.ndarray | None) -> tuple[float, float]:
    """Share without a value, of the pixels that ever had one; `seen` ``(2, draws, y, x)`` bool."""
    ever = seen.any(axis=(0, 1)) & (True if mask is None else mask)
    return _pair(1.0 - seen[:, :, ever].mean(axis=(1, 2)))


def _effect(
    observed: np.ndarray, noise: np.ndarray, count: int, kept: int, seed: int
) -> DenoiseEffect:
    true = np.sqrt(np.maximum(observed - noise, 0.0))
    # Var(s^2) = 2 sigma^4/n, to the standard deviation's own scale.
    error = observed * np.sqrt(2.0 / count) / np.maximum(2.0 * true, 1e-300)
    error = np.where(true > 0, error, np.sqrt(noise) * (2.0 / count) ** 0.25)
    ratio = float(true[1] / true[0]) if true[0] > 0 else float("nan")
    taken = 1.0 - float(np.sqrt(noise[1] / noise[0])) if noise[0] > 0 else 0.0
    lost = true[0] - true[1]
    if not true[0] > 0:
        verdict = "the map had no spread beyond its noise before"
    elif abs(lost) <= 3.0 * float(np.hypot(*error)):
        verdict = f"{100 * taken:.0f} % of the noise is gone and the true spread is kept"
    elif lost > 0:
        verdict = (
            f"{100 * taken:.0f} % of the noise is gone, and with it {100 * (1 - ratio):.0f} % of "
            "the true spread: keep more components"
        )
    else:
        verdict = "the spread beyond the noise has grown: the noise is larger than stated"
    return DenoiseEffect(
        observed=_pair(np.sqrt(observed)),
        noise=_pair(np.sqrt(noise)),
        true=_pair(true),
        true_std=_pair(error),
        kept=ratio,
        lost=(0.0, 0.0),
        n_pixels=count,
        n_components=kept,
        seed=seed,
        verdict=verdict,
    )


def _pair(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])
