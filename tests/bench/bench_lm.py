"""Benchmarks of the batched non-linear fit, each against named alternatives in the same run.

``cases()`` gives what a table needs; run as a script, this file prints one, then how many of 20,000
pixels end in the minimum that curve_fit finds (``same-minimum [pixels]``). One thread, interleaved
in one process, medians. All fits start from the same values and give standard errors.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import curve_fit

from socwidgets.kernels import lm
from socwidgets.kernels.lm_composite import composite
from socwidgets.kernels.lm_plan import Plan, make_plan
from socwidgets.kernels.lm_user import compile_model

POINTS = 60
AXIS = np.linspace(-1, 1, POINTS)
NOISE = 0.03


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
        pixels) over ours is to reach `target`.
    pixels : int
        Fits in one call of ours.
    """

    name: str
    ours: Callable[[], object]
    others: dict[str, tuple[Callable[[], object], float, float]] = field(default_factory=dict)
    pixels: int = 1


def one_peak(x, height, center, fwhm, level, slope):
    """Gaussian on a line."""
    return height * np.exp(-2.772588722239781 * ((x - center) / fwhm) ** 2) + level + slope * x


def two_peaks(x, h1, c1, w1, h2, c2, w2, level, slope):
    """Two Gaussians on a line."""
    second = h2 * np.exp(-2.772588722239781 * ((x - c2) / w2) ** 2)
    return one_peak(x, h1, c1, w1, level, slope) + second


def decay(x, amplitude, tau, floor):
    """Exponential relaxation; x from 0 to 1."""
    return amplitude * np.exp(-x / tau) + floor


RANGES = {
    one_peak: [(0.5, 2), (-0.3, 0.3), (0.25, 0.5), (0.2, 0.6), (-0.2, 0.2)],
    two_peaks: [
        *[(0.8, 2), (-0.5, -0.3), (0.25, 0.4), (0.8, 2), (0.3, 0.5), (0.25, 0.4)],
        *[(0.2, 0.6), (-0.2, 0.2)],
    ],
    decay: [(1, 2), (0.2, 0.5), (0, 0.5)],
}


def synthetic(function: Callable, pixels: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Spectra ``(E, N)`` float32 and starting values ``(M, N)`` off by a tenth of their range."""
    rng = np.random.default_rng(seed)
    low, high = np.array(RANGES[function]).T[:, :, None]
    truth = rng.uniform(low, high, (len(low), pixels))
    x = AXIS if function is not decay else np.linspace(0, 1, POINTS)
    clean = function(x[:, None], *truth)
    noisy = clean + rng.normal(0, NOISE, clean.shape)
    return noisy.astype(np.float32), truth + 0.1 * (high - low) * rng.uniform(-1, 1, truth.shape)


def _curve_fit(function: Callable, signal: np.ndarray, guess: np.ndarray, count: int, **more):
    x = AXIS if function is not decay else np.linspace(0, 1, POINTS)

    def run() -> None:
        for p in range(count):
            curve_fit(function, x, signal[:, p], guess[:, p], **more)

    return run


def _lmfit(function: Callable, signal: np.ndarray, guess: np.ndarray, count: int):
    from lmfit import Model

    model = Model(function)

    def run() -> None:
        for p in range(count):
            names = dict(zip(model.param_names, guess[:, p], strict=True))
            model.fit(signal[:, p], model.make_params(**names), x=AXIS)

    return run


def _lumafit(signal: np.ndarray, guess: np.ndarray, count: int):
    if importlib.util.find_spec("lumafit") is None:
        return None
    import numba
    from lumafit import levenberg_marquardt_pixelwise

    numba.set_num_threads(1)

    @numba.njit(fastmath=True)
    def model(p, x):
        out = np.empty(x.size)
        for i in range(x.size):
            t = (x[i] - p[1]) / p[2]
            out[i] = p[0] * np.exp(-2.772588722239781 * t * t) + p[3] + p[4] * x[i]
        return out

    cube = np.ascontiguousarray(signal[:, :count].T[None], dtype=np.float64)
    start = guess[:, :count].mean(axis=1)
    return lambda: levenberg_marquardt_pixelwise(
        model, start, target_y_3d=cube, args_for_each_pixel=(AXIS,)
    )


def _ours(plan: Plan, signal: np.ndarray, guess: np.ndarray):
    return lambda: lm.fit_block(plan, signal, None, 0, signal.shape[1], guess)


def cases(pixels: int = 16384) -> list[Case]:
    """All cases, ready to be timed; targets are those of the issue."""
    one, one_guess = synthetic(one_peak, pixels)
    two, two_guess = synthetic(two_peaks, pixels)
    falling, falling_guess = synthetic(decay, pixels)
    gauss = composite(("gaussian",), AXIS, degree=1)
    pair = make_plan(composite(("gaussian", "gaussian"), AXIS, degree=1))
    low = np.array([-10, -1, 0.02, -10, -10.0])
    user = make_plan(compile_model(decay, np.linspace(0, 1, POINTS)), double=True)
    written = make_plan(compile_model(one_peak, AXIS), double=True)
    few, some, many = 20, 60, 512
    return [
        Case(
            "one peak + line",
            _ours(make_plan(gauss), one, one_guess),
            {
                "curve_fit (lm)": (_curve_fit(one_peak, one, one_guess, some), pixels / some, 400),
                "curve_fit, bounds": (
                    _curve_fit(one_peak, one, one_guess, few, bounds=(low, np.full(5, 10.0))),
                    pixels / few,
                    3000,
                ),
                "lmfit": (_lmfit(one_peak, one, one_guess, few), pixels / few, 5000),
                "lumafit": (_lumafit(one, one_guess, many), pixels / many, 50),
            },
            pixels,
        ),
        Case(
            "one peak + line, bounds",
            _ours(make_plan(gauss, lower=low, upper=np.full(5, 10.0)), one, one_guess),
            {
                "curve_fit, bounds": (
                    _curve_fit(one_peak, one, one_guess, few, bounds=(low, np.full(5, 10.0))),
                    pixels / few,
                    3000,
                ),
            },
            pixels,
        ),
        Case(
            "two peaks + line",
            _ours(pair, two, two_guess),
            {"curve_fit (lm)": (_curve_fit(two_peaks, two, two_guess, some), pixels / some, 300)},
            pixels,
        ),
        Case(
            "user's exponential",
            _ours(user, falling, falling_guess),
            {
                "curve_fit (lm)": (
                    _curve_fit(decay, falling, falling_guess, some), pixels / some, 100
                )
            },
            pixels,
        ),
        Case(
            "user's peak + line",
            _ours(written, one, one_guess),
            {"curve_fit (lm)": (_curve_fit(one_peak, one, one_guess, some), pixels / some, 100)},
            pixels,
        ),
    ]  # fmt: skip


def measure(case: Case, repeats: int = 7) -> dict[str, float]:
    """Median seconds of ours and of each alternative, in turns."""
    others = {name: other[0] for name, other in case.others.items() if other[0] is not None}
    every = {"ours": case.ours, **others}
    times: dict[str, list[float]] = {name: [] for name in every}
    for run in range(repeats + 1):
        for name, function in every.items():
            start = time.perf_counter()
            function()
            if run:  # the first round compiles and touches memory
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def same_minimum(function: Callable, pixels: int) -> dict[str, float]:
    """Share of pixels in curve_fit's minimum (tolerances 1e-12), and the largest distance."""
    signal, guess = synthetic(function, pixels, seed=8)
    parts = ("gaussian",) * (1 if function is one_peak else 2)
    result = lm.fit_block(
        make_plan(composite(parts, AXIS, degree=1)), signal, None, 0, pixels, guess
    )
    pulls = np.empty(pixels)
    for p in range(pixels):
        values, covariance = curve_fit(
            function, AXIS, signal[:, p], guess[:, p], ftol=1e-12, xtol=1e-12, gtol=1e-12
        )
        # The sign of a width means nothing.
        away = np.abs(result.values[:, p]) - np.abs(values)
        pulls[p] = np.abs(away / np.sqrt(np.diag(covariance))).max()
    return {"same": float((pulls < 0.01).mean()), "largest": float(pulls.max())}


def main() -> None:
    """Print the table."""
    if len(sys.argv) > 1 and sys.argv[1] == "same-minimum":
        pixels = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
        for function in (one_peak, two_peaks):
            print(function.__name__, same_minimum(function, pixels))
        return
    for case in cases():
        times = measure(case)
        rate = case.pixels / times["ours"]
        print(f"{case.name}: {rate:,.0f} fits/s")
        for name, (_, factor, target) in case.others.items():
            if name not in times:
                print(f"    {name}: not installed")
                continue
            ratio = times[name] * factor / times["ours"]
            verdict = "" if not target else "ok" if ratio >= target else f"BELOW {target:.3g}"
            other = case.pixels / (times[name] * factor)
            print(f"    {name}: {other:,.0f} fits/s, ratio {ratio:,.0f} {verdict}")


if __name__ == "__main__":
    main()
