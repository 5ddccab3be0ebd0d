"""Curves that an edge-energy or white-line fit draws through one spectrum."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.edge_plan import EdgePlan
from socwidgets.kernels.edge_tables import WhiteLine


def trace(plan: EdgePlan, spectrum: np.ndarray) -> dict[str, np.ndarray]:
    """Curves that were fitted, where they were fitted; NaN elsewhere."""
    w, line, ok = plan.windows, plan.white_line, np.isfinite(spectrum).all()
    fit = np.full(spectrum.size, np.nan)
    base = np.zeros(spectrum.size)
    if plan.has_pre and ok:
        c = w.pre_weights @ spectrum[w.pre]
        fit[w.pre] = c @ w.pre_basis
        base = c[0] + (c[1] * plan.x if plan.tilted else 0.0) + np.zeros(spectrum.size)
        if plan.has_jump:
            d = w.post_weights @ spectrum[w.post] - w.post_from_pre @ c
            fit[w.post] = (w.merge @ np.concatenate([c, d])) @ w.basis
    if line.first.size and ok:
        entry = _window_at_peak(line, spectrum - base)
        rows = slice(int(line.first[entry]), int(line.first[entry] + line.samples[entry]))
        v = (plan.x[rows] - line.center[entry]) / line.half[entry]
        weights = line.weights[entry, :, : line.samples[entry]]
        peak = weights @ (spectrum - base)[rows]
        fit[rows] = base[rows] + np.polynomial.polynomial.polyval(v, peak)
    return {"fit": fit, "background": base}


def _window_at_peak(line: WhiteLine, above: np.ndarray) -> int:
    """Entry of the window nearest to the peak that a window which follows it finds."""
    entry = int(np.argmax(above[line.candidates]))
    slopes = [
        float(weights[1, :count] @ above[start : start + count])
        for weights, start, count in zip(line.weights, line.first, line.samples, strict=True)
    ]
    while entry + 1 < len(slopes) and slopes[entry] > 0 and slopes[entry + 1] > 0:
        entry += 1
    while entry > 0 and slopes[entry] <= 0 and slopes[entry - 1] <= 0:
        entry -= 1
    towards = entry + (1 if slopes[entry] > 0 else -1)
    if not 0 <= towards < len(slopes):
        return entry
    return entry if abs(slopes[entry]) <= abs(slopes[towards]) else towards
