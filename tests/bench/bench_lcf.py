"""Linear combination fits, 1024 x 1024 x 100, with R, reduced chi-square and every sigma."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from harness import Case
from scipy.optimize import minimize, nnls

from socwidgets.kernels.lcf import fit_block, result_rows
from socwidgets.kernels.lcf_plan import make_plan, polynomial_background

SIDE = 1024
AXIS = np.linspace(700.0, 730.0, 100)
#: Spectra of a loop in Python: enough for a median, few enough to wait for.
SOME = 200


def spectra(count: int) -> np.ndarray:
    """Reference spectra ``(k, E)``: a peak each, on an edge."""
    centers = 707.0 + 3.0 * np.arange(count)
    peaks = np.exp(-((AXIS - centers[:, None]) ** 2) / 3.0)
    return peaks + 0.2 / (1.0 + np.exp(-(AXIS - centers[:, None])))


def stack(references: np.ndarray, pixels: int) -> np.ndarray:
    """Optical density ``(E, N)`` float32; a quarter of the weights is zero, noise 0.02."""
    rng = np.random.default_rng(3)
    signal = np.full((AXIS.size, pixels), 0.8, np.float32)
    for reference in references:
        weight = np.maximum(rng.normal(0.2, 0.3, pixels), 0.0).astype(np.float32)
        signal += reference.astype(np.float32)[:, None] * weight
    for row in signal:
        row += 0.02 * rng.standard_normal(pixels, dtype=np.float32)
    return signal


def nnls_loop(signal: np.ndarray, references: np.ndarray, background: np.ndarray) -> object:
    """Weights alone by scipy, the background as a column of each sign."""
    design = np.ascontiguousarray(np.vstack([references, background, -background]).T)
    spectra = np.ascontiguousarray(signal[:, :SOME].T, dtype=float)
    return [nnls(design, y) for y in spectra]


def slsqp_loop(signal: np.ndarray, references: np.ndarray, background: np.ndarray) -> object:
    """Weights alone by scipy's SLSQP, with gradients."""
    design = np.ascontiguousarray(np.vstack([references, background]).T)
    k, n = len(references), design.shape[1]
    rule = {
        "type": "eq",
        "fun": lambda c: c[:k].sum() - 1.0,
        "jac": lambda c: np.r_[np.ones(k), np.zeros(n - k)],
    }
    bounds = [(0.0, None)] * k + [(None, None)] * (n - k)
    start = np.r_[np.full(k, 1.0 / k), np.zeros(n - k)]
    return [
        minimize(
            lambda c, y=y: float(np.sum((design @ c - y) ** 2)),
            start,
            jac=lambda c, y=y: 2.0 * design.T @ (design @ c - y),
            method="SLSQP",
            bounds=bounds,
            constraints=[rule],
        )
        for y in signal[:, : SOME // 4].T.astype(float)
    ]


def pinv_maps(signal: np.ndarray, references: np.ndarray, background: np.ndarray) -> object:
    """Unconstrained weights and residual by whole-array numpy, without sigma."""
    design = np.vstack([references, background]).T.astype(np.float32)
    weights = np.linalg.pinv(design) @ signal
    return weights, np.sum((signal - design @ weights) ** 2, axis=0)


def fit(
    signal: np.ndarray, references: np.ndarray, background: np.ndarray, constraint: str,
    std: np.ndarray | None = None,
) -> Callable[[], object]:  # fmt: skip
    """Our fit of all pixels on one thread."""
    plan = make_plan(references, background, constraint=constraint)
    pixels = signal.shape[1]
    out = np.empty((result_rows(len(references), len(background)), pixels), np.float32)
    status = np.empty(pixels, np.uint8)
    return lambda: fit_block(plan, signal, std, 0, pixels, out, status)


def cases() -> Iterator[Case]:
    """Two, three and five references; the alternatives do a part of the pixels."""
    pixels = SIDE * SIDE
    for count in (2, 3, 5):
        references = spectra(count)
        signal = stack(references, pixels)
        strict = count < 5
        for degree in (-1, 1):
            if degree == -1 and count != 2:
                continue
            background = polynomial_background(AXIS, degree)
            words = f"{count} references, " + (
                "linear background" if degree == 1 else "no background"
            )
            args = (signal, references, background)
            yield Case(
                f"non-negative, {words}",
                fit(*args, "non_negative"),
                {
                    "scipy nnls, weights only": (
                        lambda a=args: nnls_loop(*a), pixels / SOME, 50.0 * strict
                    ),
                },
            )  # fmt: skip
            yield Case(
                f"simplex, {words}",
                fit(*args, "simplex"),
                {
                    "scipy SLSQP, weights only": (
                        lambda a=args: slsqp_loop(*a), pixels / (SOME // 4), 2000.0 * strict
                    ),
                },
            )  # fmt: skip
            yield Case(
                f"unconstrained, {words}",
                fit(*args, "none"),
                {"numpy pinv and residual": (lambda a=args: pinv_maps(*a), 1.0, 0.0)},
            )
        std = np.full_like(signal, 0.02)
        yield Case(
            f"non-negative, {count} references, noise of every sample known",
            fit(signal, references, polynomial_background(AXIS, 1), "non_negative", std),
        )
