"""Registration of several states of one sample: where the field lies in each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.drift import find_drift
from socwidgets.analysis.frame_motion import motions
from socwidgets.analysis.registration import measure_drift, register
from socwidgets.analysis.registration_params import RegistrationParams
from socwidgets.analysis.resample import move_frame
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, SPECTRAL_AXES, X, Y, spectral_dim

#: States are set up anew: each may lie anywhere, so none is an outlier for being far away.
STATE_DEFAULTS: dict[str, Any] = {"believe_jumps": True, "reference": "mean", "passes": 5}


def measure_state_shifts(
    images: xr.DataArray,
    params: RegistrationParams | None = None,
    *,
    mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Displacement of each state against the others, for registration or to track particles.

    Parameters
    ----------
    images : xarray.DataArray
        ``(<state>, y, x)``: the edge jump or the mean optical density of each state, which charge
        hardly changes; with a spectral axis as well, the mean over it is taken. Any name of the
        leading dim will do.
    params : RegistrationParams, optional
        `changes` are laid over them. Left out: reference ``"mean"``, and no state counts as an
        outlier because it lies far from its neighbors. ``reference="neighbor"`` suits samples that
        change a lot from first to last.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels to compare.

    Returns
    -------
    xarray.Dataset
        ``dy``, ``dx`` ``(<state>,)`` in px toward larger y and x, relative to the first state;
        ``correlation`` and ``replaced`` as in `measure_drift`. A particle at ``(y, x)`` in the
        first state is at ``(y + dy, x + dx)`` in this one.

    Raises
    ------
    DataError
        If there is not exactly one leading dim, or fewer than two states have contrast.
    """
    lead = [str(d) for d in images.dims if d not in (Y, X) and d not in SPECTRAL_AXES]
    if len(lead) != 1 or not {Y, X} <= set(images.dims):
        raise DataError(
            "this is no series of states",
            expected="dims (<state>, y, x), with a spectral axis or without",
            found=str(images.dims),
            fix="xr.concat the maps of the states along a new dim first",
        )
    spectral = [d for d in images.dims if d in SPECTRAL_AXES]
    flat = images.mean(spectral) if spectral else images
    flat = flat.transpose(lead[0], Y, X)
    chosen = (params or RegistrationParams(**STATE_DEFAULTS)).replace(**changes)
    kept = None if mask is None else mask.transpose(Y, X).values.astype(bool)
    found = find_drift(lambda i: flat[i].values, flat.sizes[lead[0]], chosen, kept)
    path = found.path - found.path[0]
    coords = {lead[0]: flat[lead[0]]} if lead[0] in flat.coords else {}
    columns = {
        "dy": (path[:, 0], "Displacement along y", "pixel"),
        "dx": (path[:, 1], "Displacement along x", "pixel"),
        "correlation": (found.correlation, "Correlation with the reference", "1"),
        "replaced": (found.replaced, "Taken from the neighboring states", "1"),
    }
    return xr.Dataset(
        {k: (lead[0], v, {"long_name": w, "units": u}) for k, (v, w, u) in columns.items()}, coords
    )


def register_states(
    states: list[xr.Dataset],
    params: RegistrationParams | None = None,
    *,
    labels: list[Any] | None = None,
    **changes: Any,
) -> tuple[list[xr.Dataset], xr.Dataset]:
    """Bring the energy series of several states to one place, by one interpolation of each frame.

    The drift within each state is measured first, then the shift between the states on the means
    of their aligned frames; each frame is moved once, by the sum.

    Parameters
    ----------
    states : list of xarray.Dataset
        Stacks of optical density ``(spectral, y, x)`` with equal y and x sizes.
    params : RegistrationParams, optional
        For the drift within a state; `changes` are laid over them.
    labels : list, optional
        Coordinate of the states (a voltage, a time); numbers if left out.

    Returns
    -------
    moved : list of xarray.Dataset
        As from `register`, all aligned with the first state.
    shifts : xarray.Dataset
        Of the states, as from `measure_state_shifts`.

    Raises
    ------
    DataError
        If the sizes differ, or a drift cannot be measured or is too large.
    """
    sizes = {(s.sizes[Y], s.sizes[X]) for s in states}
    if len(states) < 2 or len(sizes) != 1:
        raise DataError(
            "these states cannot be registered with each other",
            expected="at least two stacks of one image size",
            found=f"{len(states)} stacks of sizes {sorted(sizes)}",
            fix="crop them to the same field",
        )
    # Moved in any case, so that all states have the same treatment and the same masks.
    chosen = (params or RegistrationParams()).replace(**{**changes, "threshold_px": 0.0})
    drifts = [measure_drift(state, chosen) for state in states]
    means = np.stack([_aligned_mean(s, d) for s, d in zip(states, drifts, strict=True)])
    coords = {"state": np.arange(len(states)) if labels is None else labels}
    shifts = measure_state_shifts(xr.DataArray(means, coords, ("state", Y, X)))
    moved = []
    for i, (state, drift) in enumerate(zip(states, drifts, strict=True)):
        total = drift.assign(
            dy=drift["dy"] + float(shifts["dy"][i]), dx=drift["dx"] + float(shifts["dx"][i])
        )
        moved.append(register(state, chosen, drift=total))
    return moved, shifts


def _aligned_mean(stack: xr.Dataset, drift: xr.Dataset) -> np.ndarray:
    """Mean of the aligned frames ``(y, x)``, only to measure with."""
    dim = spectral_dim(stack[SIGNAL])
    signal = stack[SIGNAL].transpose(dim, Y, X)
    total, count = np.zeros(signal.shape[1:]), np.zeros(signal.shape[1:])
    for i, move in enumerate(motions(drift, stack, dim)):
        frame = move_frame(signal[i].values, move)
        total += np.nan_to_num(frame)
        count += np.isfinite(frame)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
