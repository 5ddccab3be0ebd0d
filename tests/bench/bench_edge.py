"""Benchmarks of the linear kernels, each against named alternatives in the same run.

``cases()`` gives what a table needs; run as a script, this file prints one. Everything is timed
on one thread (set OPENBLAS_NUM_THREADS=1), interleaved, and compared by medians.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numba import njit

from socwidgets.kernels.edge import edge_block
from socwidgets.kernels.edge_output import RESULT_ROWS
from socwidgets.kernels.edge_plan import make_plan as edge_plan
from socwidgets.kernels.edge_plan import without_normalization
from socwidgets.kernels.edge_tables import QUANTITIES
from socwidgets.kernels.normalization import coefficients_block, normalize_block, result_rows
from socwidgets.kernels.normalization_plan import make_plan, window_rows
from socwidgets.kernels.optical_density import optical_density_block
from socwidgets.phantoms.spectra import reference_spectrum

#: A hundred energies: 20 before the edge, 37 through it, 43 beyond.
GRID = np.concatenate(
    [np.linspace(8200, 8310, 20), np.linspace(8330, 8366, 37), np.linspace(8372, 8640, 43)]
)
E0 = 8345.0
PRE, POST = window_rows(GRID, 8200, 8325), window_rows(GRID, 8385, np.inf)
SEARCH = window_rows(GRID, 8325, 8385)
CENTER = int(np.argmin(np.abs(GRID - 8352)))
HALF_WIDTH = 3.0


@dataclass
class Case:
    """One line group of the table.

    Attributes
    ----------
    name : str
        What is timed.
    ours : callable
        The compiled route.
    others : dict
        Alternative by name: ``(callable, factor, target)``; its time times `factor` (for fewer
        pixels or rows) over ours is to reach `target`.
    """

    name: str
    ours: Callable[[], object]
    others: dict[str, tuple[Callable[[], object], float, float]] = field(default_factory=dict)


def synthetic(side: int) -> np.ndarray:
    """Stack ``(E, N)`` float32 of mixed edges, thickness and noise, with a few bad pixels."""
    rng = np.random.default_rng(7)
    pixels = side * side
    edges = [reference_spectrum(name, GRID).astype(np.float32) for name in ("NiO", "LiNiO2")]
    mixed = rng.random(pixels, dtype=np.float32)
    thick = 0.5 + rng.random(pixels, dtype=np.float32)
    stack = np.empty((GRID.size, pixels), np.float32)
    for row, (a, b) in enumerate(zip(*edges, strict=True)):
        stack[row] = (a + (b - a) * mixed) * thick + (0.4 - 2e-4 * (GRID[row] - E0))
        stack[row] += 0.01 * rng.standard_normal(pixels, dtype=np.float32)
    bad = rng.choice(pixels, pixels // 1000, replace=False)
    stack[:, bad[::2]] = 0.0
    stack[50, bad[1::2]] = np.nan
    return stack


@njit(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def read(values):
    """Read everything once, in four streams: the memory's limit."""
    quarter = values.size // 4
    a = b = c = d = np.float32(0)
    for i in range(quarter):
        a += values[i]
        b += values[quarter + i]
        c += values[2 * quarter + i]
        d += values[3 * quarter + i]
    return a + b + c + d


@njit(nogil=True, error_model="numpy")
def copy(source, target):
    """The plainest loop that writes what it reads."""
    for i in range(source.size):
        target[i] = source[i]


def numpy_normalized(stack: np.ndarray) -> np.ndarray:
    """Normalized and flattened stack, the way it is usually written, in float64."""
    offset = (GRID - GRID[np.argmin(np.abs(GRID - E0))])[:, None]
    line = np.polyfit(offset[PRE, 0], stack[PRE].astype(np.float64), 1)
    above = stack - (line[0] * offset + line[1])
    curve = np.polyfit(offset[POST, 0], above[POST], 1)
    normalized = above / curve[1]
    return np.where(offset >= 0, normalized - curve[0] * offset / curve[1], normalized)


def expert_maps(stack: np.ndarray, with_sigma: bool) -> tuple[np.ndarray, ...]:
    """Jump, white line and half-height energy with whole-array float32 numpy and BLAS.

    With `with_sigma` also the noise of each pixel, the standard uncertainty of the four maps and a
    status, as the kernel makes them.
    """
    plan = make_plan(GRID, E0, PRE, POST)
    weights = plan.functionals()[:3].astype(np.float32)
    constant, slope, jump = base = weights @ stack[plan.rows]
    x = (plan.offset / plan.scale).astype(np.float32)
    above = stack[SEARCH] - (constant + x[SEARCH, None] * slope)
    axis = GRID[SEARCH].astype(np.float32)
    window = np.abs(GRID[SEARCH] - GRID[CENTER]) <= HALF_WIDTH
    u = (GRID[SEARCH][window] - GRID[CENTER]).astype(np.float32)
    local = np.linalg.pinv(u[:, None] ** np.arange(3)).astype(np.float32)
    c, b, a = local @ above[window]
    shift, height = -b / (2 * a), (c - b * b / (4 * a)) / jump
    over = above >= 0.5 * jump
    first = np.argmax(over[1:] & ~over[:-1], axis=0) + 1
    low = np.take_along_axis(above, first[None] - 1, axis=0)[0]
    high = np.take_along_axis(above, first[None], axis=0)[0]
    part = (0.5 * jump - low) / (high - low)
    step = axis[first] - axis[first - 1]
    half = axis[first - 1] + part * step
    maps = (jump, GRID[CENTER] + shift, height, half)
    inside = (a < 0) & (np.abs(shift) <= HALF_WIDTH)
    if not with_sigma:
        return (*maps, inside)
    rest = stack[PRE] - (constant + x[PRE, None] * slope)
    noise = np.sqrt(np.sum(rest * rest, axis=0) / (PRE.size - 2))
    unit = weights @ weights.T

    def spread_of_base(at: np.ndarray, share: np.ndarray | float) -> np.ndarray:
        rows = (1.0, (at - np.float32(GRID[plan.edge])) / np.float32(plan.scale), share)
        return sum(unit[i, j] * rows[i] * rows[j] for i in range(3) for j in range(3))

    cov = local @ local.T
    steepness = cov[1, 1] + 4 * shift * (cov[1, 2] + shift * cov[2, 2]) + unit[1, 1] / plan.scale**2
    of_height = cov[0, 0] + shift**2 * (cov[1, 1] + 2 * cov[0, 2]) + shift**4 * cov[2, 2]
    of_height = of_height + 2 * shift * (cov[0, 1] + shift**2 * cov[1, 2])
    sigma = (
        noise * np.sqrt(unit[2, 2]),
        noise * np.sqrt(steepness) / np.abs(2 * a),
        noise * np.sqrt(of_height + spread_of_base(maps[1], height)) / jump,
        noise
        * np.sqrt((1 - part) ** 2 + part**2 + spread_of_base(half, 0.5))
        * step
        / (high - low),
    )
    status = np.where(inside, 0, 4).astype(np.uint8)
    status[~over.any(axis=0)] = 7
    status[jump <= 5 * sigma[0]] = 2
    status[~np.isfinite(stack.sum(axis=0)) | ~np.isfinite(base).all(axis=0)] = 255
    return (*maps, *sigma, status)


def quartic_white_line(stack: np.ndarray) -> np.ndarray:
    """White line as PyXAS publishes it: quartic by normal equations, maximum of 1001 points."""
    rows = np.flatnonzero(np.abs(GRID - GRID[CENTER]) <= HALF_WIDTH)
    x = GRID[rows] - GRID[CENTER]
    design = x[:, None] ** np.arange(5)
    coefficients = np.linalg.solve(design.T @ design, design.T @ stack[rows])
    fine = np.linspace(x[0], x[-1], 1001)
    curves = (fine[:, None] ** np.arange(5)) @ coefficients
    return fine[np.argmax(curves, axis=0)] + GRID[CENTER]


def _edge(stack: np.ndarray, names: tuple[str, ...], degree: int = 2) -> Callable[[], object]:
    """Maps of some quantities, each with sigma, and the status."""
    pixels = stack.shape[1]
    if names == ("white_line_energy", "white_line_height"):
        plan = edge_plan(
            GRID, without_normalization(GRID, PRE, CENTER), search=np.array([CENTER]),
            white_line=np.array([CENTER]), half_width=HALF_WIDTH, degree=degree,
        )  # fmt: skip
    else:
        plan = edge_plan(
            GRID, make_plan(GRID, E0, PRE, POST), search=SEARCH, white_line=np.array([CENTER]),
            half_width=HALF_WIDTH, degree=degree,
            centroid=SEARCH if "centroid_energy" in names else None,
            derivative_points=5 if "derivative_energy" in names else 0,
        )  # fmt: skip
    rows = np.full(RESULT_ROWS, -1)
    for place, name in enumerate(names):
        at = 2 * QUANTITIES.index(name)
        rows[at : at + 2] = 2 * place, 2 * place + 1
    out, status = np.empty((2 * len(names), pixels), np.float32), np.empty(pixels, np.uint8)
    return lambda: edge_block(plan, stack, None, 0, pixels, out, status, rows=rows, signal_sigma=5)


def cases(side: int = 1024) -> list[Case]:
    """All comparisons on a ``side x side x 100`` float32 stack."""
    stack = synthetic(side)
    pixels = side * side
    flat, target = stack.reshape(-1), np.empty_like(stack)
    plan = make_plan(GRID, E0, PRE, POST)
    out = np.empty((result_rows(plan), pixels), np.float32)
    status, jump = np.empty(pixels, np.uint8), np.empty(pixels, np.float32)
    touched = plan.rows.size / GRID.size
    offset = GRID - E0

    def reading() -> object:
        return read(flat)

    def polyfit() -> object:
        before = np.polyfit(offset[PRE], stack[PRE], 1)
        return before, np.polyfit(offset[POST], stack[POST], 1)

    standard = ("edge_jump", "white_line_energy", "white_line_height", "half_energy")
    small = np.ascontiguousarray(stack[:, : 128 * 128])
    counts = np.clip(4000 * np.exp(-np.nan_to_num(stack[:20])), 1, 60000).astype(np.uint16)
    beam, dark = np.full((1, pixels), 4000, np.float32), np.zeros((1, 1), np.float32)
    return [
        Case(
            "coefficients + jump",
            lambda: coefficients_block(plan, stack, None, 0, pixels, out, status, sigma=False),
            {"np.polyfit 2-D": (polyfit, 1.0, 50.0), "read of the rows": (reading, touched, 0.6)},
        ),
        Case(
            "coefficients + jump, sigma",
            lambda: coefficients_block(plan, stack, None, 0, pixels, out, status),
            {"np.polyfit 2-D": (polyfit, 1.0, 0.0), "read of the rows": (reading, touched, 0.0)},
        ),
        Case(
            "normalized stack",
            lambda: normalize_block(plan, stack, 0, pixels, target, jump),
            {
                "numpy float64": (lambda: numpy_normalized(stack), 1.0, 20.0),
                "copy loop": (lambda: copy(flat, target.reshape(-1)), 1.0, 0.7),
                "np.copyto": (lambda: np.copyto(target, stack), 1.0, 0.0),
            },
        ),
        Case(
            "jump, white line, half height; sigma",
            _edge(stack, standard),
            {
                "one read": (reading, 1.0, 1 / 8),
                "expert numpy, the same maps": (lambda: expert_maps(stack, True), 1.0, 8.0),
                "expert numpy, no sigma or status": (lambda: expert_maps(stack, False), 1.0, 0.0),
            },
        ),
        Case(
            "all edge definitions; sigma",
            _edge(stack, QUANTITIES),
            {"one read": (reading, 1.0, 0.0)},
        ),
        Case(
            "white line 128 x 128; sigma",
            _edge(small, ("white_line_energy", "white_line_height")),
            {"quartic on 1001 points": (lambda: quartic_white_line(small), 1.0, 60.0)},
        ),
        Case(
            "edge + white line 128 x 128; sigma",
            _edge(small, standard),
            {"quartic on 1001 points": (lambda: quartic_white_line(small), 1.0, 60.0)},
        ),
        Case(
            "optical density, 20 energies; sigma",
            lambda: optical_density_block(
                counts, beam, dark, 0, pixels, target[:20], target[20:40], status
            ),
            {"numpy float32": (lambda: _numpy_density(counts, beam), 1.0, 0.0)},
        ),
    ]


def _numpy_density(counts: np.ndarray, beam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inside = np.clip(counts / beam, np.float32(1e-4), np.float32(20))
    return -np.log(inside), np.sqrt(1 / inside / beam)


def measure(case: Case, repeats: int = 7) -> dict[str, float]:
    """Median seconds of ours and of each alternative, in turns."""
    every = {"ours": case.ours, **{name: other[0] for name, other in case.others.items()}}
    times: dict[str, list[float]] = {name: [] for name in every}
    for run in range(repeats + 1):
        for name, function in every.items():
            start = time.perf_counter()
            function()
            if run:  # the first round compiles and touches memory
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print the table."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    with np.errstate(all="ignore"):
        for case in cases(side):
            times = measure(case)
            print(f"{case.name}: {times['ours'] * 1e3:.2f} ms")
            for name, (_, factor, target) in case.others.items():
                ratio = times[name] * factor / times["ours"]
                verdict = "" if not target else "ok" if ratio >= target else f"BELOW {target:.3g}"
                print(f"    {name}: {times[name] * 1e3:.1f} ms, ratio {ratio:.3g} {verdict}")


if __name__ == "__main__":
    main()
