"""Fit every spectrum of a stack, or one spectrum, by any registered method."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import BLOCK_PIXELS, Progress
from socwidgets.analysis.compile_watch import give_up_if, tell
from socwidgets.analysis.distributed_fit import Recipe, run_on_cluster
from socwidgets.analysis.fit_input import refuse_bad_noise, warn_of_counts
from socwidgets.analysis.fit_mask import excluded_codes
from socwidgets.analysis.fit_run import Control, as_maps, run_fit
from socwidgets.analysis.mean_spectrum import mean_spectrum
from socwidgets.analysis.methods import BlockFit, Method, get_method
from socwidgets.analysis.missing import refit_missing
from socwidgets.analysis.starting import starting_rows
from socwidgets.analysis.sum_rule import warn_of_sums
from socwidgets.analysis.unsure_energies import (
    warn_if_cut,
    warn_if_far,
    warn_if_short,
    warn_if_unsure,
    withhold_slope_sigma,
)
from socwidgets.model import provenance
from socwidgets.model.mapset import SUM_DOUBT
from socwidgets.model.names import (
    SIGNAL,
    SIGNAL_STD,
    STD_SUFFIX,
    X,
    Y,
    spectral_dim,
    std_name,
)
from socwidgets.model.noise_shape import NOISE_SHAPE
from socwidgets.model.parameters import Parameters
from socwidgets.model.rim import RIM_CHECK
from socwidgets.model.stack import refuse_transmission, validate_stack
from socwidgets.model.status import Status, warn_if_empty

#: Attributes of a stack that its maps keep.
_PASSED_ON = ("sample", "title", "edge", RIM_CHECK, NOISE_SHAPE)


def fit_map(
    stack: xr.Dataset,
    method: str = "lcf",
    params: Parameters | Mapping[str, Any] | None = None,
    *,
    references: xr.DataArray | None = None,
    mask: xr.DataArray | np.ndarray | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    workers: int | None = None,
    block_pixels: int = BLOCK_PIXELS,
    start: xr.Dataset | None = None,
    cluster: Any = None,
    **changes: Any,
) -> xr.Dataset:
    """Fit every spectrum of a stack.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``, on any spectral axis; numpy or dask (then read in
        blocks of rows, never whole). ``signal_std`` is used where present (above zero; NaN leaves
        a sample out), ``valid`` and ``status`` are honored.
    method : str
        One of ``"lcf"``, ``"edge_energy"``, ``"white_line"``, ``"pre_edge"``, ``"peaks"`` (which
        also takes functions of one's own), or a registered one.
    params : Parameters or mapping, optional
        The method's parameters; `changes` are laid over them.
    references : xarray.DataArray, optional
        ``(component, spectral)``, for the methods that need them.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, or with any of the stack's leading dims; False pixels get no value. Its
        attribute ``false_means`` names their status (default ``masked``).
    progress : callable, optional
        ``progress(done_pixels, all_pixels)``.
    cancel : threading.Event, optional
        Set it from another thread to stop within the time of one block. A kernel that is being
        compiled then goes on in the background, and is there for the next fit.
    workers : int, optional
        Threads; the processors at hand if left out. The numbers do not depend on it.
    block_pixels : int
        Pixels of a block.
    start : xarray.Dataset, optional
        Maps of starting values ``(..., y, x)`` for an iterative method, named like its results (an
        earlier fit, for instance); where they are NaN or lack a parameter the method finds its own.
    cluster : str or distributed.Client, optional
        Address of a dask scheduler (``"tcp://host:8786"``) whose workers fit the stack, in bands of
        rows; they read a lazy stack themselves. A worker that dies loses nothing.

    Returns
    -------
    xarray.Dataset
        One float32 map per quantity (float64 for positions) with its ``_std``, and ``status``.
        NaN means no value, and ``status`` says why.

    Raises
    ------
    SchemaError, ParameterError, ReferenceSpectraError, DataError
        If the stack, the parameters or the references cannot work, before anything is computed;
        `DataError` too for a ``signal_std`` in memory with values of zero or less.
    ClusterError
        If the cluster has no worker or cannot do it.
    CancelledError
        If `cancel` was set.
    """
    validate_stack(stack)
    refuse_transmission(stack, f"the fit {method!r}")
    warn_of_counts(stack, f"the fit {method!r}")
    chosen = get_method(method)
    full = _parameters(chosen, params, changes)
    signal, noise = _ordered(stack)
    dim = spectral_dim(signal)
    excluded = excluded_codes(stack, signal, mask)
    if chosen.complete is not None:
        full = chosen.complete(full, stack[dim], partial(mean_spectrum, signal, excluded))
    recipe = Recipe(chosen, stack[dim], full, references, _typical_std(noise, dim, full))
    with give_up_if(cancel, meanwhile=partial(tell, 0, excluded.size, progress)):
        fit = recipe.prepare()
    if not fit.points.all():
        wanted = {dim: _as_slice(fit.points)}
        signal = signal.isel(wanted)
        noise = None if noise is None else noise.isel(wanted)
    refuse_bad_noise(signal, noise, excluded)
    initial = starting_rows(fit.specs, signal, start)
    control = Control(progress, cancel, workers, block_pixels)
    codes = excluded.values.reshape(-1, signal.sizes[Y] * signal.sizes[X])
    work = (signal, noise, initial, codes, control)
    if cluster is None:
        out, status = run_fit(fit, *work)
    else:
        out, status = run_on_cluster(cluster, recipe, len(fit.specs), *work)
    maps = as_maps(signal, fit.specs, out, status)
    maps.attrs.update(_result_attrs(stack, fit, noise is not None))
    withhold_slope_sigma(maps)
    warn_if_empty(maps, repr(method))
    warn_if_unsure(maps)
    warn_if_cut(maps)
    warn_if_short(maps)
    warn_if_far(maps)
    warn_of_sums(maps, fit, signal, excluded)
    inputs = {} if references is None else {"references": references}
    called = {"method": method, **full.to_dict(), **inputs}
    return provenance.record(maps, "socwidgets.fit_map", called, source=stack)


def _parameters(
    method: Method, params: Parameters | Mapping[str, Any] | None, changes: dict[str, Any]
) -> Parameters:
    given = params.to_dict() if isinstance(params, Parameters) else dict(params or {})
    return method.parameters.from_mapping({**given, **changes})


def _ordered(stack: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Signal and noise as ``(..., spectral, y, x)``."""
    dim = spectral_dim(stack[SIGNAL])
    signal = stack[SIGNAL].transpose(..., dim, Y, X)
    return signal, stack[SIGNAL_STD].transpose(*signal.dims) if SIGNAL_STD in stack else None


def _as_slice(points: np.ndarray) -> slice | np.ndarray:
    """A window without gaps as a slice, which copies nothing and still leads to the file."""
    places = np.flatnonzero(points)
    window = slice(places[0], places[-1] + 1)
    return window if points[window].all() else points


def _typical_std(noise: xr.DataArray | None, dim: str, params: Parameters) -> np.ndarray | None:
    """Root-mean-square noise of each energy, ``(E,)``, frame by frame.

    NaN where the parameters do not weight by it: that there is noise is all that counts then, and
    it need not be read for it. None without noise.
    """
    if noise is None:
        return None
    result = np.full(noise.sizes[dim], np.nan)
    if getattr(params, "weighting", "") == "noise":
        for e in range(result.size):
            squares = noise.isel({dim: e}).values.astype(np.float64) ** 2
            seen = np.isfinite(squares)
            result[e] = (squares[seen].mean() if seen.any() else np.nan) ** 0.5
    return result


def _result_attrs(stack: xr.Dataset, fit: BlockFit, has_noise: bool) -> dict[str, Any]:
    kept = {k: v for k, v in stack.attrs.items() if k in _PASSED_ON}
    sigma = "propagated from signal_std" if has_noise else "residual of each pixel's own fit"
    scale = "scaled by signal_std" if has_noise else "not scaled: sum(res^2)/(N - P)"
    return {**kept, "sigma_source": sigma, "redchi_scale": scale, **fit.attrs}


def fit_spectrum(
    spectrum: xr.DataArray,
    method: str = "lcf",
    params: Parameters | Mapping[str, Any] | None = None,
    *,
    references: xr.DataArray | None = None,
    std: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Fit one spectrum with the method that `fit_map` uses.

    Parameters
    ----------
    spectrum : xarray.DataArray
        ``(spectral,)``; NaN points are left out of the fit.
    method, params, references, **changes
        As for `fit_map`.
    std : xarray.DataArray, optional
        ``(spectral,)``, standard uncertainty of each point.

    Returns
    -------
    xarray.Dataset
        ``(spectral,)``: ``data``, ``fit``, ``residual``, ``background`` and one
        ``component_<name>`` each, NaN outside the fit window. ``attrs["results"]`` is JSON text
        ``{name: {"value": ..., "std": ...}}``, ``attrs["status"]`` the status word.
    """
    dim = spectral_dim(spectrum)
    chosen = get_method(method)
    full = _parameters(chosen, params, changes)
    typical = None if std is None else np.asarray(std.values, float)
    if chosen.complete is not None:
        full = chosen.complete(full, spectrum[dim], lambda: np.asarray(spectrum.values, float))
    fit = chosen.prepare(spectrum[dim], full, references, typical)
    data = np.ascontiguousarray(spectrum.values[fit.points, None], dtype=np.float64)
    noise = None if typical is None else np.ascontiguousarray(typical[fit.points, None])
    out, status = np.full((len(fit.specs), 1), np.nan), np.zeros(1, np.uint8)
    fit.fill(data, noise, 0, 1, out, status)
    refit_missing(fit, data, noise, 0, 1, out, status)
    variables = {"data": ((dim,), spectrum.values.astype(float))}
    curves = fit.trace(data[:, 0]) if fit.trace is not None else fit.curves(out[:, 0])
    for name, curve in curves.items():
        values = np.full(spectrum.size, np.nan)
        values[fit.points] = curve
        variables[name] = ((dim,), values)
    result = xr.Dataset(variables, {dim: spectrum[dim]})
    result["residual"] = result["data"] - result["fit"]
    result.attrs["results"] = json.dumps(_scalars(fit, out[:, 0]))
    result.attrs["status"] = Status(int(status[0])).name.lower()
    text = fit.doubt(data) if fit.doubt is not None else None
    if text:
        result.attrs[SUM_DOUBT] = text
        warnings.warn(text, UserWarning, stacklevel=2)
    return result


def _scalars(fit: BlockFit, column: np.ndarray) -> dict[str, dict[str, float | None]]:
    values = {
        spec.name: provenance.jsonable(float(v) + spec.origin)
        for spec, v in zip(fit.specs, column, strict=True)
    }
    quantities = [name for name in values if not name.endswith(STD_SUFFIX)]
    return {name: {"value": values[name], "std": values.get(std_name(name))} for name in quantities}


def warm_up(methods: Iterable[str] = ("lcf",)) -> None:
    """Compile what some methods need, on a tiny stack, so that a first fit does not wait for it.

    The compiled code is kept on disk: a later process only loads it.

    Parameters
    ----------
    methods : iterable of str
        Names of methods; ``"lcf"`` for both precisions, others for float32. ``"white_line"`` is
        compiled with ``"edge_energy"``.
    """
    from socwidgets.model.references import make_references
    from socwidgets.model.stack import make_stack

    axis = np.r_[np.arange(700.0, 760.0, 5.0), np.arange(760.0, 800.0), np.arange(800.0, 900.0, 5)]
    rise = [np.arctan(axis - c) / np.pi + 0.5 + np.exp(-((axis - c - 8) ** 2)) for c in (778, 781)]
    references = make_references({"a": (axis, rise[0]), "b": (axis, rise[1])})
    noise = np.random.default_rng(0).normal(0, 0.01, (axis.size, 2, 2))
    for method in methods:
        for dtype in (np.float32, np.float64) if method == "lcf" else (np.float32,):
            signal = (noise + rise[0][:, None, None]).astype(dtype)
            stack = make_stack(signal, axis, quantity="optical_density")
            fit_map(stack, method, references=references, workers=1)
            stack[SIGNAL_STD] = xr.full_like(stack[SIGNAL], 0.01)
            fit_map(stack, method, references=references, workers=1)
