"""Plans of energies tried on a scan that has them all: what was promised, and what is found."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.energy_model import EnergyPlanParameters
from socwidgets.analysis.energy_selection import select_energies
from socwidgets.analysis.fit import fit_map
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, SIGNAL_STD, X, Y, spectral_dim, std_name
from socwidgets.model.references import component_names
from socwidgets.model.status import usable
from socwidgets.model.watch import Progress, Watch

#: Interquartile range of a Gaussian to its standard deviation.
_QUARTILES = 0.7413
_FEWEST_PIXELS = 20
_COLUMNS = (
    "count", "sigma", "sigma_fit", "scatter_noise", "scatter", "misfit", "bias", "correlation",
    "energies",
)  # fmt: skip


def try_energies(
    stack: xr.Dataset,
    references: xr.DataArray,
    numbers: Iterable[int],
    params: EnergyPlanParameters | None = None,
    *,
    mask: xr.DataArray | None = None,
    required: Iterable[float] = (),
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **changes: object,
) -> pd.DataFrame:
    """Plan few energies of a measured scan, fit with those alone, and compare with all.

    The noise of a scan says how much a map from few energies scatters about that from all. What is
    found beyond is the misfit of the references, which each choice of energies weighs differently:
    no plan for noise knows it, and only a scan shows it.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)`` and ``signal_std``, in the range of the references.
    references : xarray.DataArray
        ``(component, spectral)``.
    numbers : iterable of int
        Numbers of energies to try.
    params : EnergyPlanParameters, optional
        What to plan for; `changes` are laid over them. Noise, thickness (median) and compositions
        (10, 50 and 90 percent of the pixels lie below) are those of the scan, unless given in
        `changes`.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels of the sample; all if left out.
    required : iterable of float, optional
        Energies that every plan must have.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Returns
    -------
    pandas.DataFrame
        One row for each number: ``count``; ``sigma``, which the plan promises (with `jitter`, if
        there is any); ``sigma_fit``, which the fit states (median over pixels; it knows of no
        jitter); ``scatter_noise``, by which noise alone lets the map scatter about that of all
        energies, ``sqrt(sigma^2 - sigma_all^2)``, both without jitter;
        ``scatter``, by which it does (quartiles); ``misfit``, what is left,
        ``sqrt(scatter^2 - scatter_noise^2)``, 0 if none; ``bias``, the median difference;
        ``correlation`` of the two maps; ``energies`` (tuple). Attributes: ``n_pixels``,
        ``sigma_all``, ``redchi`` (median reduced chi-square of the fit to all energies; 1 where the
        references are right).

    Raises
    ------
    DataError
        If the stack has leading dims or no ``signal_std``, or too few pixels have a value.
    ReferenceSpectraError, ParameterError
        As from `select_energies` and `fit_map`.
    CancelledError
        If `cancel` was set.

    Notes
    -----
    The fits are weighted by the noise and not constrained, as the plan supposes. In a linear fit
    with those weights, the difference of the estimates from a part and from all of the data has the
    difference of their variances (Hausman 1978). Where few energies are nearly all,
    ``scatter_noise`` is the difference of two numbers that are nearly equal, and rough.
    """
    chosen = EnergyPlanParameters.merged(params, changes)
    noise = _noise(stack, mask)
    names = list(component_names(references))
    target = f"fraction_{chosen.charged or names[-1]}_free"
    options = {
        "constraint": "sum_to_one" if chosen.sum_to_one else "none",
        "weighting": "noise",
        "background_degree": chosen.background_degree,
        "low": chosen.low,
        "high": chosen.high,
    }
    numbers, watch = tuple(numbers), Watch(progress, cancel)
    share = 1.0 / (len(numbers) + 1)
    given: dict[str, Any] = {"references": references, "mask": mask, "cancel": cancel}
    every = fit_map(stack, "lcf", options, **given, progress=watch.part(0.0, share))
    seen = usable(every).values & np.isfinite(every[std_name(target)].values)
    if np.count_nonzero(seen) < _FEWEST_PIXELS:
        raise DataError(
            "too few pixels have a value from all energies",
            expected=f"{_FEWEST_PIXELS} or more",
            found=str(np.count_nonzero(seen)),
            fix="widen the mask",
        )
    chosen = _of_the_sample(chosen, set(changes), every, target, seen)
    dim = spectral_dim(stack[SIGNAL])
    candidates = {"candidates": stack[dim].values, "noise": noise}
    rows = []
    for at, count in enumerate(numbers, start=1):
        part = watch.part(share * at, share * (at + 1))
        part(0, 1)
        plan = select_energies(
            references, chosen.replace(count=count), required=required, **candidates
        )
        few = fit_map(stack.sel({dim: plan.energies}), "lcf", options, **given, progress=part)
        taken = np.isin(stack[dim].values, plan.energies)
        plain = _sigma_without_jitter(
            references, chosen, candidates={k: v[taken] for k, v in candidates.items()}
        )
        energies = tuple(float(e) for e in plan.energies)
        row = {"count": count, "sigma": plan.sigma, "plain": plain, "energies": energies}
        rows.append({**row, **_compared(few, every, target, seen)})
    sigma_all = _sigma_without_jitter(references, chosen, candidates=candidates)
    table = pd.DataFrame(rows)
    table["scatter_noise"] = np.sqrt(np.maximum(table["plain"] ** 2 - sigma_all**2, 0.0))
    beyond = table["scatter"] ** 2 - table["scatter_noise"] ** 2
    table["misfit"] = np.sqrt(np.maximum(beyond, 0.0))
    redchi = float(np.nanmedian(every["redchi"].values[seen]))
    table.attrs.update(n_pixels=int(seen.sum()), sigma_all=sigma_all, redchi=redchi)
    return table[list(_COLUMNS)]


def _sigma_without_jitter(
    references: xr.DataArray, chosen: EnergyPlanParameters, *, candidates: dict[str, np.ndarray]
) -> float:
    """Sigma of a fit to all candidates, of the noise alone."""
    grid = candidates["candidates"]
    low = -np.inf if chosen.low is None else chosen.low
    high = np.inf if chosen.high is None else chosen.high
    count = int(np.count_nonzero((grid >= low) & (grid <= high)))
    noise_only = chosen.replace(count=count, jitter=0.0)
    return select_energies(references, noise_only, **candidates).sigma_all


def _noise(stack: xr.Dataset, mask: xr.DataArray | None) -> np.ndarray:
    """Root mean square over the pixels of the noise at each energy, ``(E,)``."""
    dim = spectral_dim(stack[SIGNAL])
    if set(stack[SIGNAL].dims) != {dim, Y, X} or SIGNAL_STD not in stack:
        raise DataError(
            "plans are tried on one image series with known noise",
            expected=f"dims ({dim}, y, x) and a variable signal_std",
            found=f"dims {stack[SIGNAL].dims}, variables {', '.join(map(str, stack.data_vars))}",
            fix="make the optical density from counts, or give the noise_std that pca finds",
        )
    std = stack[SIGNAL_STD] if mask is None else stack[SIGNAL_STD].where(mask)
    squares: xr.DataArray = std.astype(float) ** 2
    found: np.ndarray = np.sqrt(squares.mean((Y, X)).values)
    return found


def _of_the_sample(
    chosen: EnergyPlanParameters, given: set[str], every: xr.Dataset, target: str, seen: np.ndarray
) -> EnergyPlanParameters:
    """Plan for the thickness and the compositions that the scan shows, where none are given."""
    own: dict[str, object] = {}
    if "thickness" not in given and not chosen.sum_to_one:
        own["thickness"] = float(np.median(every["thickness"].values[seen]))
    if "compositions" not in given:
        shares = np.percentile(every[target].values[seen], [10, 50, 90])
        own["compositions"] = tuple(float(s) for s in np.clip(shares, 0.0, 1.0))
    return chosen.replace(**own)


def _compared(
    few: xr.Dataset, every: xr.Dataset, target: str, seen: np.ndarray
) -> dict[str, object]:
    """Differences of the map of few energies from that of all."""
    part, whole = few[target].values[seen], every[target].values[seen]
    known = np.isfinite(part)
    low, middle, high = np.percentile((part - whole)[known], [25, 50, 75])
    return {
        "sigma_fit": float(np.nanmedian(few[std_name(target)].values[seen])),
        "scatter": float(_QUARTILES * (high - low)),
        "bias": float(middle),
        "correlation": float(np.corrcoef(part[known], whole[known])[0, 1]),
    }
