"""Scanning transmission X-ray microscopy at an L edge: I0 offsets and saturation."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.detector import PIXEL_FLAGS, PixelFlag, flag_counts
from socwidgets.analysis.edge_jump import JUMP, edge_jump
from socwidgets.analysis.watched_graph import graph_watched_by
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, STATUS, X, Y, spectral_dim, std_name
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.status import Status
from socwidgets.model.watch import Progress, Watch

I0_OFFSET = "i0_offset"


@dataclass(frozen=True, slots=True, kw_only=True)
class StxmParameters(Parameters):
    """Parameters of the preparation of an STXM stack."""

    offset: str = param(
        "auto",
        "'auto' subtracts the optical density that object-free pixels show before the edge, when "
        "it is there: an I0 recorded on another scale than the images. 'none' keeps it.",
        choices=("auto", "none"),
    )
    max_od: float = param(
        1.5,
        "Optical density above which an L-edge spectrum is flagged as saturated (stray light and "
        "higher harmonics flatten its peaks).",
        low=0.1,
        label="Max OD",
    )
    pre: tuple[float, float] | None = param(
        None, "Window before the edge; empty: found.", unit="eV"
    )
    post: tuple[float, float] | None = param(
        None, "Window after the edge; empty: found.", unit="eV"
    )


def prepare_stxm(
    od: xr.Dataset,
    params: StxmParameters | None = None,
    *,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Take the I0 offset out of an optical-density stack and flag saturated pixels.

    Parameters
    ----------
    od : xarray.Dataset
        Stack of optical density ``(energy, y, x)``.
    params : StxmParameters, optional
        `changes` are laid over them.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Returns
    -------
    xarray.Dataset
        The stack; ``attrs["i0_offset"]`` is the optical density that was subtracted everywhere (0
        where there was no offset to speak of), ``attrs["i0_offset_std"]`` its scatter between
        object-free pixels, and ``status`` marks saturated pixels, as ``pixel_flags`` does (too
        dense) where the stack has them.

    Raises
    ------
    DataError
        If the stack is no optical density or its edge cannot be found.
    CancelledError
        If `cancel` was set.
    """
    validate_stack(od)
    require_quantity(od, ("optical_density",), "the preparation of an STXM stack")
    chosen = StxmParameters.merged(params, changes)
    watch = Watch(progress, cancel)
    watch(0, 1)
    offset, scatter = (0.0, 0.0)
    if chosen.offset == "auto":
        offset, scatter = i0_offset(
            od, pre=chosen.pre, post=chosen.post, progress=watch.part(0.0, 0.7), cancel=cancel
        )
    watch(7, 10)
    result = od.copy()
    if offset:
        result[SIGNAL] = (od[SIGNAL] - np.float32(offset)).assign_attrs(od[SIGNAL].attrs)
    result.attrs[I0_OFFSET], result.attrs[std_name(I0_OFFSET)] = offset, scatter
    watch(17, 20)
    with graph_watched_by(watch.part(0.85, 1.0)):
        dense = (result[SIGNAL] > chosen.max_od).any(spectral_dim(od[SIGNAL])).compute()
    before = od[STATUS] if STATUS in od else xr.zeros_like(dense, dtype=np.uint8)
    # A pixel that has no counts stays masked: that reason is the stronger one.
    codes = before.where(~(dense & (before == Status.OK)), np.uint8(Status.SATURATED))
    result[STATUS] = codes.assign_attrs(before.attrs)
    if PIXEL_FLAGS in od:
        flags = od[PIXEL_FLAGS] | xr.where(dense, np.uint8(PixelFlag.TOO_DENSE), np.uint8(0))
        result[PIXEL_FLAGS] = flags.assign_attrs(od[PIXEL_FLAGS].attrs)
        result.attrs.update(flag_counts(flags.values))
    called = {**chosen.to_dict(), I0_OFFSET: offset}
    return provenance.record(result, "socwidgets.techniques.stxm.prepare_stxm", called, source=od)


def i0_offset(
    od: xr.Dataset,
    *,
    pre: tuple[float, float] | None = None,
    post: tuple[float, float] | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> tuple[float, float]:
    """Optical density of object-free pixels before the edge.

    Parameters
    ----------
    od : xarray.Dataset
        Stack of optical density ``(energy, y, x)``.
    pre, post : (float, float), optional
        Windows, found from the spectra if left out.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Returns
    -------
    offset, scatter : float
        Median over the object-free pixels (edge jump within two sigma of zero) and its robust
        scatter between them. The offset is 0.0 when it is within five standard errors of zero or
        below 0.02, the size of an ordinary I0 error.

    Raises
    ------
    DataError
        If fewer than 20 pixels are free of the object: then an offset and a thick sample cannot be
        told apart.
    """
    jumps = edge_jump(od, pre=pre, post=post, progress=progress, cancel=cancel)
    dim = spectral_dim(od[SIGNAL])
    low, high = jumps.attrs["pre_window"]
    before = od[SIGNAL].sel({dim: slice(low, high)}).mean(dim).transpose(Y, X).compute().values
    jump, sigma = jumps[JUMP].values, jumps[std_name(JUMP)].values
    empty = np.isfinite(before) & (np.abs(jump) < 2 * sigma)
    if np.count_nonzero(empty) < 20:
        raise DataError(
            "no object-free pixels: an I0 offset cannot be told from a thick sample",
            expected="at least 20 pixels without an edge jump",
            found=str(np.count_nonzero(empty)),
            fix="use offset='none', or give the pre and post windows",
        )
    # Halo and thin film push pixels up, never down: the lower half holds the empty ones.
    offset = float(np.quantile(before[empty], 0.25))
    lower = before[empty & (before <= offset)]
    scatter = float(1.4826 * np.median(np.abs(lower - offset))) if lower.size else 0.0
    small = abs(offset) < max(0.02, 5 * scatter / np.sqrt(np.count_nonzero(empty)))
    return (0.0 if small else offset), scatter
