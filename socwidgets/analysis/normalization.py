"""Pre- and post-edge normalization of stacks, and maps of its coefficients."""

from __future__ import annotations

import threading
import warnings
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis import result_memory
from socwidgets.analysis.blocks import Block, blocks_in_memory, run_blocks
from socwidgets.analysis.mean_spectrum import mean_spectrum
from socwidgets.analysis.watched_graph import graph_watched_by
from socwidgets.analysis.xanes_parameters import (
    StackNormalizationParameters,
    normalization_plan,
    span,
)
from socwidgets.kernels.normalization_plan import NormalizationPlan
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import (
    QUANTITY,
    SIGNAL,
    SIGNAL_STD,
    STATUS,
    X,
    Y,
    spectral_dim,
)
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.status import Status
from socwidgets.model.watch import Progress, Watch

JUMP = "edge_jump"

#: Pixels of a block of the normalized stack.
_BLOCK_PIXELS = 65536
#: A mean jump of so many standard errors is an edge; a single pixel's of so many spreads as well.
_SEEN, _STANDS_OUT = 2.0, 5.0
#: Fewer pixels do not tell their noise.
_FEWEST_FOR_NOISE = 30


def normalize(
    stack: xr.Dataset,
    params: StackNormalizationParameters | None = None,
    *,
    in_place: bool = False,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Stack of normalized spectra ``(mu - pre)/jump``.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``, optical density or intensity; numpy or dask.
    params : StackNormalizationParameters, optional
        `changes` are laid over them: ``e0``, ``pre``, ``post``, ``flatten``, ...
    in_place : bool
        Overwrite the signal of `stack` instead of making a new array (numpy, float32 or float64,
        spectral axis before y and x): half the memory, and the input is gone.
    progress, cancel : optional
        As for `socwidgets.fit_map`; a stack in place is left half done by a cancel.

    Returns
    -------
    xarray.Dataset
        The stack with ``quantity`` "normalized"; ``edge_jump`` ``(..., y, x)``; ``signal_std``
        divided by the jump (the jump's own error, common to all samples of a pixel, is not in it);
        ``status``: low_signal where the jump is not positive, masked where a window sample is
        missing. Those spectra are NaN.

    Raises
    ------
    DataError
        If the quantity, the windows or E0 cannot work, no pixel has all samples of the windows, or
        `in_place` is impossible.
    CancelledError
        If `cancel` was set.

    Notes
    -----
    Conventions of Larch's ``pre_edge`` (Newville 2013, J. Phys. Conf. Ser. 430, 012007), with
    windows for the short ranges of imaging; E0 is one for the whole image.
    """
    validate_stack(stack)
    require_quantity(stack, ("optical_density", "intensity"), "normalization")
    chosen = StackNormalizationParameters.merged(params, changes)
    dim, watch = spectral_dim(stack[SIGNAL]), Watch(progress, cancel)
    watch(0, 1)
    signal = stack[SIGNAL].transpose(..., dim, Y, X)
    chosen = chosen.completed(stack[dim], partial(mean_spectrum, signal))
    plan = normalization_plan(stack[dim].values, chosen, chosen.nvict)
    if in_place and (signal.chunks is not None or not _is_plain(signal.values)):
        raise DataError(
            "this stack cannot be normalized in place",
            expected="a float32 or float64 numpy signal, C-contiguous as (spectral, y, x)",
            found=f"{signal.dtype} {signal.dims}, {'dask' if signal.chunks else 'numpy'}",
            fix="leave in_place out",
        )
    lazy = signal.chunks is not None
    normalized, jump = (
        _lazily(signal, plan, chosen.flatten, watch.part(0.1, 0.9))
        if lazy
        else _in_memory(signal, plan, chosen.flatten, in_place, watch.part(0.1, 0.9))
    )
    watch(9, 10)
    _look_at(jump, signal, plan)
    return _as_stack(stack, normalized, jump, plan, chosen, dim)


def _look_at(jump: xr.DataArray, signal: xr.DataArray, plan: NormalizationPlan) -> None:
    """Raise where no pixel has a jump, warn where none has a positive one or all are noise."""
    if bool((jump > 0).any()):
        _warn_of_noise(jump.values)
        return
    if bool(jump.notnull().any()):
        warnings.warn(
            "no pixel has an edge jump above zero, and so none has a normalized spectrum: check "
            "that the stack is an optical density (not its negative, nor a transmission), and e0",
            UserWarning,
            stacklevel=3,
        )
        return
    dim = spectral_dim(signal)
    needed = signal.isel({dim: np.sort(plan.rows)})
    others = [d for d in signal.dims if d != dim]
    count = needed.where(np.isfinite(needed)).count(others).compute().values
    empty = needed[dim].values[count == 0]
    raise DataError(
        "no pixel has all of the samples that its normalization needs",
        expected="finite samples in both windows",
        found=f"no value at all at {', '.join(f'{e:g}' for e in empty[:5])}"
        if empty.size
        else "gaps",
        fix="leave those frames out: stack.sel(energy=...), or give windows without them",
    )


def _warn_of_noise(jump: np.ndarray) -> None:
    """Warn where neither the mean jump nor that of single pixels stands out of the noise."""
    known = jump[np.isfinite(jump)].astype(np.float64)
    if known.size < _FEWEST_FOR_NOISE:
        return
    mean, error = float(known.mean()), float(known.std()) / known.size**0.5
    spread = 1.4826 * float(np.median(np.abs(known - np.median(known))))
    alone = np.count_nonzero(known > _STANDS_OUT * spread)
    # A few particles in a wide field hardly move the mean, but stand out themselves.
    if mean >= _SEEN * error or alone > max(2, 1e-4 * known.size):
        return
    warnings.warn(
        f"no edge is seen: the mean edge jump is {mean:.2g} ± {error:.2g}, and the normalized "
        f"spectra of the {np.count_nonzero(known > 0) / known.size:.0%} of the pixels in which "
        "noise made it positive mean nothing. Check the element, e0 and the region, or sum pixels",
        UserWarning,
        stacklevel=4,
    )


def _as_stack(
    stack: xr.Dataset,
    normalized: xr.DataArray,
    jump: xr.DataArray,
    plan: NormalizationPlan,
    chosen: StackNormalizationParameters,
    dim: str,
) -> xr.Dataset:
    result = stack.copy()
    words = "Flattened normalized absorption" if chosen.flatten else "Normalized absorption"
    order = stack[SIGNAL].dims
    result[SIGNAL] = normalized.transpose(*order).assign_attrs(long_name=words, units="1")
    if SIGNAL_STD in stack:
        spread = (stack[SIGNAL_STD] / jump.where(jump > 0)).astype(normalized.dtype)
        attrs = {"long_name": "Standard uncertainty of the normalized absorption", "units": "1"}
        result[SIGNAL_STD] = spread.transpose(*order).assign_attrs(attrs)
    result[JUMP] = jump.assign_attrs(long_name="Edge jump", units="1")
    bad = np.where(np.isnan(jump), np.uint8(Status.MASKED), np.uint8(Status.LOW_SIGNAL))
    codes = np.where(jump > 0, np.uint8(Status.OK), bad)
    if STATUS in stack:
        earlier = stack[STATUS].transpose(*jump.dims).values
        codes = np.where(earlier > 0, earlier, codes)
    result[STATUS] = status_variable(codes, tuple(str(d) for d in jump.dims))
    result.attrs[QUANTITY] = "normalized"
    result.attrs.update(window_attrs(stack[dim].values, plan))
    called = chosen.to_dict()
    return provenance.record(result, "socwidgets.normalize", called, source=stack)


def window_attrs(energies: np.ndarray, plan: NormalizationPlan) -> dict[str, Any]:
    """Attributes that say where a normalization looked."""
    return {
        "e0": float(energies[plan.edge]),
        "pre_window": span(energies, plan.pre_rows),
        "post_window": span(energies, plan.post_rows),
        "post_degree": plan.post_weights.shape[0] - 1,
        "post_exponent": plan.post_exponent,
    }


def _is_plain(values: np.ndarray) -> bool:
    return values.dtype in (np.float32, np.float64) and values.flags.c_contiguous


def _in_memory(
    signal: xr.DataArray, plan: NormalizationPlan, flatten: bool, in_place: bool, watch: Watch
) -> tuple[xr.DataArray, xr.DataArray]:
    from socwidgets.kernels.normalization import normalize_block

    values = signal.values
    if not in_place:
        kind = values.dtype if values.dtype in (np.float32, np.float64) else np.float32
        values = np.ascontiguousarray(values, dtype=kind)
    images = values.reshape(-1, values.shape[-3], values.shape[-2] * values.shape[-1])
    out = images if in_place else result_memory.empty(images.shape, images.dtype)
    pixels = images.shape[2]
    jump = np.empty((images.shape[0], pixels), images.dtype)

    def work(block: Block) -> None:
        number = block.lead
        normalize_block(
            plan, images[number], block.start, block.stop, out[number], jump[number],
            flatten=flatten,
        )  # fmt: skip

    run_blocks(
        blocks_in_memory(images.shape[0], pixels, _BLOCK_PIXELS),
        work,
        progress=watch,
        cancel=watch.cancel,
    )
    image = signal.isel({spectral_dim(signal): 0}, drop=True)
    normalized = signal.copy(data=out.reshape(values.shape))
    return normalized, image.copy(data=jump.reshape(image.shape)).drop_attrs(deep=False)


def _lazily(
    signal: xr.DataArray, plan: NormalizationPlan, flatten: bool, watch: Watch
) -> tuple[xr.DataArray, xr.DataArray]:
    """Normalize chunk by chunk, with all energies of a pixel in one chunk."""
    dim = spectral_dim(signal)
    chunked = signal.chunk({dim: -1})
    block = partial(_normalize_array, plan=plan, flatten=flatten)
    kind = np.float64 if signal.dtype == np.float64 else np.float32
    normalized = chunked.copy(data=chunked.data.map_blocks(block, dtype=kind))
    jump = xr.apply_ufunc(
        partial(_jump_of_array, plan=plan),
        chunked,
        input_core_dims=[[dim]],
        dask="parallelized",
        output_dtypes=[kind],
    )
    with graph_watched_by(watch):
        return normalized, jump.compute().drop_attrs(deep=False)


def _normalize_array(values: np.ndarray, plan: NormalizationPlan, flatten: bool) -> np.ndarray:
    from socwidgets.kernels.normalization import normalize_block

    kind = np.float64 if values.dtype == np.float64 else np.float32
    images = np.ascontiguousarray(values, dtype=kind)
    flat = images.reshape(-1, values.shape[-3], values.shape[-2] * values.shape[-1])
    out, jump = np.empty_like(flat), np.empty(flat.shape[2], kind)
    for image, target in zip(flat, out, strict=True):
        normalize_block(plan, image, 0, flat.shape[2], target, jump, flatten=flatten)
    return out.reshape(values.shape)


def _jump_of_array(values: np.ndarray, plan: NormalizationPlan) -> np.ndarray:
    """Edge jump of ``(..., spectral)``."""
    from socwidgets.kernels.normalization import ROUNDING

    kind = np.float64 if values.dtype == np.float64 else np.float32
    level, jump = (values[..., plan.rows] @ plan.functionals()[k] for k in (0, 2))
    # Infinite ones are not less than another.
    jump[np.abs(jump) < ROUNDING * np.finfo(kind).eps * np.abs(level)] = 0.0
    return np.where(np.isfinite(jump), jump, np.nan).astype(kind)
