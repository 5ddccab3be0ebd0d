"""Plans of energies tried on a scan that has them all: what was promised, and what is found."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.energy_model import EnergyPlanParameters
from socwidgets.analysis.energy_selection import select_energies
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.image_below_image import one_image
from socwidgets.analysis.lcf_design import window_points
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
        ``signal`` ``(spectral, y, x)`` and ``signal_std``, in the range of the references. The
        images of a volume or of a series are taken together: one plan for all.
    references : xarray.DataArray
        ``(component, spectral)``.
    numbers : iterable of int
        Numbers of energies to try.
    params : EnergyPlanParameters, optional
        What to plan for; `changes` are laid over them. Noise, thickness (median) and compositions
        (10, 50 and 90 percent of the pixels lie below) are those of the scan, unless given in
        `changes`.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, or with the leading dims of the stack: pixels of the sample; all if left
        out.
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
        If the stack has no ``signal_std``, or too few pixels have a value.
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
    numbers, required, watch = tuple(numbers), tuple(required), Watch(progress, cancel)
    ends = np.linspace(0.0, 1.0, len(numbers) + 2)
    parts = [watch.part(low, high) for low, high in pairwise(ends)]
    # No plan asks which pixels are neighbors.
    stack, mask = one_image(stack, mask)
    trial = _Trial.of(stack, references, mask, chosen, set(changes), parts[0])
    rows = zip(numbers, parts[1:], strict=True)
    table = pd.DataFrame([trial.row(count, required, part) for count, part in rows])
    sigma_all = trial.sigma_without_jitter(np.ones(trial.noise.size, bool))
    table["scatter_noise"] = np.sqrt(np.maximum(table["plain"] ** 2 - sigma_all**2, 0.0))
    beyond = table["scatter"] ** 2 - table["scatter_noise"] ** 2
    table["misfit"] = np.sqrt(np.maximum(beyond, 0.0))
    redchi = float(np.nanmedian(trial.every["redchi"].values[trial.seen]))
    table.attrs.update(n_pixels=int(trial.seen.sum()), sigma_all=sigma_all, redchi=redchi)
    return table[list(_COLUMNS)]


@dataclass(frozen=True, slots=True)
class _Trial:
    """A scan, the map of all of its energies, and what to plan for.

    `noise` is ``(E,)``, of each energy; `seen` ``(y, x)`` bool, pixels with a value from all.
    """

    stack: xr.Dataset
    references: xr.DataArray
    mask: xr.DataArray | None
    plan: EnergyPlanParameters
    noise: np.ndarray
    every: xr.Dataset
    target: str
    seen: np.ndarray

    @classmethod
    def of(
        cls,
        stack: xr.Dataset,
        references: xr.DataArray,
        mask: xr.DataArray | None,
        chosen: EnergyPlanParameters,
        given: set[str],
        watch: Watch,
    ) -> _Trial:
        """Fit all energies; what is not `given` of the plan is taken from that."""
        noise = _noise(stack, mask)
        target = f"fraction_{chosen.charged or component_names(references)[-1]}_free"
        every = fit_map(
            stack, "lcf", _options(chosen), references=references, mask=mask,
            progress=watch, cancel=watch.cancel,
        )  # fmt: skip
        seen = usable(every).values & np.isfinite(every[std_name(target)].values)
        if np.count_nonzero(seen) < _FEWEST_PIXELS:
            raise DataError(
                "too few pixels have a value from all energies",
                expected=f"{_FEWEST_PIXELS} or more",
                found=str(np.count_nonzero(seen)),
                fix="widen the mask",
            )
        plan = _of_the_sample(chosen, given, every, target, seen)
        return cls(stack, references, mask, plan, noise, every, target, seen)

    @property
    def energies(self) -> np.ndarray:
        """All that were measured, ``(E,)``."""
        return self.stack[spectral_dim(self.stack[SIGNAL])].values

    def row(self, count: int, required: tuple[float, ...], watch: Watch) -> dict[str, object]:
        """One number of energies: what is promised, and what the fit finds."""
        watch(0, 1)
        plan = select_energies(
            self.references, self.plan.replace(count=count), required=required,
            candidates=self.energies, noise=self.noise,
        )  # fmt: skip
        part = self.stack.sel({spectral_dim(self.stack[SIGNAL]): plan.energies})
        options = _options(self.plan)
        few = fit_map(
            part, "lcf", options, references=self.references, mask=self.mask,
            progress=watch, cancel=watch.cancel,
        )  # fmt: skip
        return {
            "count": count,
            "sigma": plan.sigma,
            "plain": self.sigma_without_jitter(np.isin(self.energies, plan.energies)),
            "energies": tuple(float(e) for e in plan.energies),
            **_compared(few, self.every, self.target, self.seen),
        }

    def sigma_without_jitter(self, taken: np.ndarray) -> float:
        """Sigma of a fit to some of the energies, ``(E,)`` bool, of the noise alone."""
        grid = self.energies[taken]
        inside = window_points(xr.DataArray(grid), self.plan.low, self.plan.high)
        noise_only = self.plan.replace(count=int(np.count_nonzero(inside)), jitter=0.0)
        return select_energies(
            self.references, noise_only, candidates=grid, noise=self.noise[taken]
        ).sigma_all


def _options(chosen: EnergyPlanParameters) -> dict[str, object]:
    """The fit that a plan supposes."""
    return {
        "constraint": "sum_to_one" if chosen.sum_to_one else "none",
        "weighting": "noise",
        "background_degree": chosen.background_degree,
        "background_law": chosen.background_law,
        "low": chosen.low,
        "high": chosen.high,
    }


def _noise(stack: xr.Dataset, mask: xr.DataArray | None) -> np.ndarray:
    """Root mean square over the pixels of the noise at each energy, ``(E,)``."""
    if SIGNAL_STD not in stack:
        raise DataError(
            "plans are tried on a scan with known noise",
            expected="a variable signal_std",
            found=f"variables {', '.join(map(str, stack.data_vars))}",
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
