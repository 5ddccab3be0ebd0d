"""From the results and flags of a run of pixels to rows of maps in eV and a status, compiled."""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.edge_energies import AT_BOUND_FLAG, LOW_FLAG, OUT_FLAG
from socwidgets.kernels.edge_scan import index_of
from socwidgets.kernels.edge_tables import QUANTITIES
from socwidgets.kernels.rows import inner

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, LOW_SIGNAL, AT_BOUND, SATURATED, OUT_OF_RANGE = 0, 2, 4, 6, 7
#: A sample is not finite.
MISSING = 255

#: Row of the noise in the result, after the quantities and their uncertainties.
NOISE = 2 * len(QUANTITIES)
RESULT_ROWS = NOISE + 1


@inner
def judge(n, flags, top, gap, saturation, status):
    """Turn the flags of a pixel into the status that is told first."""
    for p in range(n):
        flag = flags[p]
        bound = np.uint8(AT_BOUND if flag & AT_BOUND_FLAG else OK)
        out = np.uint8(OUT_OF_RANGE) if flag & OUT_FLAG else bound
        bright = np.uint8(SATURATED) if top[p] >= saturation else out
        low = np.uint8(LOW_SIGNAL) if flag & LOW_FLAG else bright
        status[p] = np.uint8(MISSING) if gap[p] != 0.0 else low


@inner
def write(n, first, result, flags, gap, origin, scale, out_rows, out):
    """Copy what is wanted, energies in eV; without enough signal only the jump."""
    for row in range(2):
        if out_rows[row] >= 0:
            _add_gap(result[row], gap, out[out_rows[row], first : first + n])
    nothing, zero = index_of(gap, math.nan), index_of(gap, 0.0)
    for p in range(n):
        # From here on the gap also blanks pixels without enough signal.
        gap[p] += nothing if flags[p] & LOW_FLAG else zero
    for row in range(2, RESULT_ROWS):
        if out_rows[row] < 0:
            continue
        target = out[out_rows[row], first : first + n]
        if row == 4 or row == 5 or row == NOISE:
            _add_gap(result[row], gap, target)
        else:
            _to_energies(result[row], gap, origin if row % 2 == 0 else 0.0, scale, target)


@inner
def _add_gap(source, gap, target):
    for p in range(target.size):
        target[p] = source[p] + gap[p]


@inner
def _to_energies(source, gap, shift, scale, target):
    for p in range(target.size):
        target[p] = shift + scale * np.float64(source[p] + gap[p])
