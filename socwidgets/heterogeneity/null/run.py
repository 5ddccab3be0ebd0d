"""Run the null test: simulate, pass through the very same pipeline, compare."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.null.homogeneous import homogeneous_sample
from socwidgets.heterogeneity.null.measures import MEASURES, Measure, measure
from socwidgets.heterogeneity.null.result import NullTest, compare
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.model.errors import CancelledError, DataError, ParameterError, SocwidgetsError
from socwidgets.model.kinds import kind_of

#: From a stack to a map set with the quantity, its ``_std`` and ``status``.
Pipeline = Callable[[xr.Dataset], xr.Dataset]
Progress = Callable[[int, int], None]


def null_test(
    stack: xr.Dataset,
    pipeline: Pipeline,
    labels: xr.DataArray | None = None,
    *,
    variable: str = "soc",
    weights: str | None = "thickness",
    repeats: int = 39,
    seed: int = 0,
    measured: xr.Dataset | None = None,
    drift: xr.Dataset | None = None,
    jitter_px: float = 0.0,
    noise_std: Any = None,
    gain: float = 1.0,
    measures: dict[str, tuple[str, Measure]] | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> NullTest:
    """Tell how much heterogeneity a perfectly homogeneous sample would show.

    A sample with the measured thickness everywhere and *one* spectrum, the mean one, is recorded
    with the measured stack's own noise, flats and energies and sent through the same pipeline,
    again and again. What comes out is the heterogeneity that instrument and analysis make by
    themselves; what was measured is compared with it.

    Parameters
    ----------
    stack : xarray.Dataset
        The measured stack ``(spectral, y, x)``: optical density with ``signal_std``, or counts with
        ``flat`` or ``i0``; whatever the pipeline begins with.
    pipeline : callable
        From a stack to a map set on the same pixels: see `socwidgets.techniques.pipelines` for
        ready-made ones.
    labels : xarray.DataArray, optional
        ``(y, x)`` particles, for the measures that need them.
    variable : str
        The map, in what the pipeline returns.
    weights : str, optional
        Name of the thickness map there.
    repeats : int
        Simulated samples. The smallest p-value is ``1/(repeats + 1)``.
    seed : int
        Repeat i is simulated with ``[seed, i]``.
    measured : xarray.Dataset, optional
        What the pipeline made of `stack`, if that is known already.
    drift, jitter_px, noise_std, gain
        See `homogeneous_sample`.
    measures : dict, optional
        ``name -> (words, function of a Sample)`` instead of the usual ones.
    progress : callable, optional
        ``progress(done, repeats)``.
    cancel : threading.Event, optional
        Set it from another thread to stop after the current repeat.

    Returns
    -------
    NullTest

    Raises
    ------
    DataError
        If the noise is not known, the pipeline returns no such map or another shape, or it fails on
        the simulated sample.
    ParameterError
        If `repeats` is below one.
    CancelledError
        If `cancel` was set.

    Notes
    -----
    Every map is judged on the pixels that the pipeline itself leaves usable: to ask for those of
    the measured map as well would drop more of the thin, noisy pixels from the null than from the
    measurement, and make it look too quiet. Noise is drawn
    independently for every pixel and energy: correlated noise (interpolation, a detector's own)
    must be made by the pipeline itself, which it is if the stack is the raw one.
    """
    if repeats < 1:
        raise ParameterError("the null test needs a repeat", found=str(repeats))
    maps = pipeline(stack) if measured is None else measured
    _check(maps, variable)
    sample = homogeneous_sample(
        stack, maps, thickness=weights or "thickness", noise_std=noise_std, drift=drift,
        jitter_px=jitter_px, gain=gain,
    )  # fmt: skip
    chosen = measures or MEASURES
    observed = measure(maps, labels, variable, weights, chosen)
    rows, means, example = [], [], None
    for i in range(repeats):
        if cancel is not None and cancel.is_set():
            raise CancelledError
        found = _through(pipeline, sample.draw([seed, i]), variable)
        rows.append(measure(found, labels, variable, weights, chosen))
        means.append(_mean(found, labels, variable, weights))
        example = found if example is None else example
        if progress is not None:
            progress(i + 1, repeats)
    draws = pd.DataFrame(rows, index=pd.RangeIndex(repeats, name="repeat"))
    words = {name: text for name, (text, _) in chosen.items()}
    return NullTest(
        compare(observed, draws, words), draws, _mean(maps, labels, variable, weights),
        np.asarray(means), kind_of(maps[variable]).units, seed, example,
    )  # fmt: skip


def _check(maps: xr.Dataset, variable: str) -> None:
    if not isinstance(maps, xr.Dataset) or variable not in maps:
        held = ", ".join(map(str, maps.data_vars)) if isinstance(maps, xr.Dataset) else type(maps)
        raise DataError(
            f"the pipeline returns no map {variable!r}",
            expected=f"a dataset with {variable!r}, its _std and status",
            found=str(held),
            fix="give variable=, or end the pipeline with soc_map",
        )


def _through(pipeline: Pipeline, stack: xr.Dataset, variable: str) -> xr.Dataset:
    try:
        maps = pipeline(stack)
    except CancelledError:
        raise
    except SocwidgetsError as error:
        raise DataError(
            "the pipeline works on the measured stack but fails on a homogeneous one",
            found=error.problem,
            fix="an automatic choice (window, threshold) hangs on the differences inside the "
            "sample: state it, then run the null test again",
        ) from error
    _check(maps, variable)
    return maps


def _mean(
    maps: xr.Dataset, labels: xr.DataArray | None, variable: str, weights: str | None
) -> float:
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    return float(np.average(sample.values, weights=sample.weights))
