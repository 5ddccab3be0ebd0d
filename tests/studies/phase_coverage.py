"""Do the 95 % intervals hold the truth in 95 %? ``python tests/studies/phase_coverage.py``.

Four hundred phantoms per row; about five minutes. Writes its table into
docs/phases_and_pathways.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from phase_tables import table, write
from small_particles import particle, tile

from socwidgets.heterogeneity.change.compare import compare_states
from socwidgets.heterogeneity.change.recovery import recovery, width_ratio
from socwidgets.heterogeneity.pathway.active import active_fraction
from socwidgets.heterogeneity.pathway.concurrency import concurrency
from socwidgets.heterogeneity.pathway.rates import active_curve
from socwidgets.heterogeneity.phases.boundary import TANH_10_90, boundary_width
from socwidgets.heterogeneity.phases.plateau import phase_shares
from socwidgets.heterogeneity.phases.uniformity import uniformity_coefficient

PHANTOMS = 400
#: ``estimate, std, low, high, truth``; std is NaN where only an interval is stated.
Answer = tuple[float, float, float, float, float]
NAN = float("nan")


def active(rng: np.random.Generator, n: int, share: float, noise: float) -> Answer:
    """Active fraction of n particles, noise on their means."""
    is_active = rng.random(n) < share
    ends = (rng.random(n) < 0.5).astype(float)
    means = np.where(is_active, rng.uniform(0.1, 0.9, n), ends) + rng.normal(0, noise, n)
    found = active_fraction(means, noise)
    return found.true, NAN, found.true_low, found.true_high, share


def kappa(rng: np.random.Generator, n: int, truth: float, noise: float) -> Answer:
    """Kappa of a beta-distributed ensemble, noise on the means."""
    total = 1 / truth - 1
    means = rng.beta(total / 2, total / 2, n) + rng.normal(0, noise, n)
    found = concurrency(means, noise, draws=600, seed=int(rng.integers(1 << 30)))
    return found.kappa, NAN, found.low, found.high, truth


def intermediate(rng: np.random.Generator, n: int, share: float, noise: float) -> Answer:
    """Intermediate fraction of n particles of 120 pixels whose own fractions differ."""
    own = rng.beta(4 * share, 4 * (1 - share), n)[:, None]
    kind = rng.random((n, 120))
    ends = (rng.random((n, 1)) < 0.5) * np.ones((1, 120))
    values = np.where(kind < own, rng.random((n, 120)), ends) + rng.normal(0, noise, (n, 120))
    units = np.repeat(np.arange(n), 120)
    found = phase_shares(values, noise, units=units, draws=150, seed=int(rng.integers(1 << 30)))
    return found.intermediate, found.std, found.low, found.high, share


def uniformity(rng: np.random.Generator, kind: str, size: int, noise: float) -> Answer:
    """Uniformity coefficient of one imaged particle."""
    field, inside = particle(kind, rng, size=size)
    truth = uniformity_coefficient(field[inside], 0.0).value
    seen = field[inside] + rng.normal(0, noise, inside.sum())
    found = uniformity_coefficient(seen, noise**2)
    return found.value, found.std, found.low, found.high, truth


def shift(rng: np.random.Generator, n: int, paired: bool) -> Answer:
    """Shift of the mean between two states of n particles."""
    mean, planted = rng.normal(0.4, 0.1, n), 0.05
    later = mean if paired else rng.normal(0.4, 0.1, n)
    maps = []
    for values in (mean, later + planted):
        values = values + rng.normal(0, 0.03, n)
        fields = [(np.full((6, 6), v), np.ones((6, 6), bool)) for v in values]
        maps.append(tile(fields, 0.1, rng))
    found = compare_states(
        maps[0][0], maps[1][0], maps[0][1], paired=paired, draws=300, match_noise=False,
        seed=int(rng.integers(1 << 30)),
    )  # fmt: skip
    return found.shift, found.shift_std, found.shift_low, found.shift_high, planted


def recovered(rng: np.random.Generator, n: int) -> Answer:
    """Recovery over n blocks of a particle, each partly discharged."""

    def state(share: float) -> np.ndarray:
        own = rng.beta(3 * share, 3 * (1 - share), n)[:, None]
        return (rng.random((n, 40)) >= own) + rng.normal(0, 0.1, (n, 40))

    units = np.repeat(np.arange(n), 40)
    found = recovery(
        state(0.5), state(0.9), after_units=units, pristine_units=units, draws=400,
        seed=int(rng.integers(1 << 30)),
    )  # fmt: skip
    return found.value, found.std, found.low, found.high, 0.5 / 0.9


def widths(rng: np.random.Generator, n: int) -> Answer:
    """Width ratio 1.5 of two histograms of n independent positions each."""
    second, first = (rng.normal(0, np.hypot(s, 0.5), n) for s in (1.5, 1.0))
    found = width_ratio(second, first, 0.5, 0.5, draws=400, seed=int(rng.integers(1 << 30)))
    return found.value, found.std, found.low, found.high, 1.5


def curve(rng: np.random.Generator, n: int) -> Answer:
    """C* from active fractions of n particles at seven rates."""
    rates = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10])
    total = np.full(rates.size, n)
    found = active_curve(rates, rng.binomial(total, rates / (rates + 1.5)), total)
    return found.c_half, NAN, found.low, found.high, 1.5


def boundary(rng: np.random.Generator, w: float) -> Answer:
    """Observed 10-90 % width of a planar boundary at a random angle and place."""
    y, x = np.indices((40, 40)) - 19.5
    angle = rng.uniform(0, np.pi)
    n = x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-3, 3)
    values = 0.5 * (1 + np.tanh(n / w)) + rng.normal(0, 0.05, x.shape)
    inside = np.hypot(y, x) < 18
    found = boundary_width(values, inside, (1.0, 1.0), resolution_um=0.0, reach_px=10)
    reach = 1.96 * found.std
    return found.observed, found.std, found.observed - reach, found.observed + reach, TANH_10_90 * w


ROWS: list[tuple[str, str, Callable[[np.random.Generator], Answer]]] = [
    (
        "active fraction",
        "450 particles, .02 active, noise .03",
        partial(active, n=450, share=0.02, noise=0.03),
    ),
    (
        "active fraction",
        "100 particles, .10 active, noise .05",
        partial(active, n=100, share=0.1, noise=0.05),
    ),
    (
        "active fraction",
        "100 particles, .50 active, noise .05",
        partial(active, n=100, share=0.5, noise=0.05),
    ),
    (
        "kappa",
        "30 particles, kappa .10, noise .05",
        partial(kappa, n=30, truth=0.1, noise=0.05),
    ),
    (
        "kappa",
        "60 particles, kappa .10, noise .05",
        partial(kappa, n=60, truth=0.1, noise=0.05),
    ),
    (
        "kappa",
        "100 particles, kappa .02, noise .05",
        partial(kappa, n=100, truth=0.02, noise=0.05),
    ),
    (
        "kappa",
        "100 particles, kappa .30, noise .05",
        partial(kappa, n=100, truth=0.3, noise=0.05),
    ),
    (
        "kappa",
        "100 particles, kappa .90, noise .05",
        partial(kappa, n=100, truth=0.9, noise=0.05),
    ),
    (
        "intermediate fraction",
        "30 particles, .20, noise .08",
        partial(intermediate, n=30, share=0.2, noise=0.08),
    ),
    (
        "intermediate fraction",
        "60 particles, .50, noise .12",
        partial(intermediate, n=60, share=0.5, noise=0.12),
    ),
    (
        "uniformity coefficient",
        "solid solution, 27 px, noise .10",
        partial(uniformity, kind="solid_solution", size=32, noise=0.1),
    ),
    (
        "uniformity coefficient",
        "domino, 27 px, noise .10",
        partial(uniformity, kind="domino", size=32, noise=0.1),
    ),
    (
        "uniformity coefficient",
        "mosaic, 15 px, noise .15",
        partial(uniformity, kind="mosaic", size=20, noise=0.15),
    ),
    (
        "Wasserstein shift",
        "25 particles, the same in both",
        partial(shift, n=25, paired=True),
    ),
    (
        "Wasserstein shift",
        "25 and 25 other particles",
        partial(shift, n=25, paired=False),
    ),
    (
        "recovery",
        "30 blocks",
        partial(recovered, n=30),
    ),
    (
        "width ratio",
        "400 positions each",
        partial(widths, n=400),
    ),
    (
        "rate of half activity C*",
        "150 particles at each of 7 rates",
        partial(curve, n=150),
    ),
    (
        "boundary width, observed",
        "10-90 % width 6.6 px, noise .05",
        partial(boundary, w=3.0),
    ),
    (
        "boundary width, observed",
        "10-90 % width 4.4 px, noise .05",
        partial(boundary, w=2.0),
    ),
]


def answers(make: Callable[[np.random.Generator], Answer], count: int, seed: int) -> np.ndarray:
    """``(count, 5)`` answers of independent phantoms."""
    return np.array([make(np.random.default_rng([seed, i])) for i in range(count)])


def summary(found: np.ndarray) -> tuple[float, float, float]:
    """Coverage, mean and standard deviation of the pull (NaN where no sigma is stated)."""
    value, std, low, high, truth = found[np.isfinite(found[:, 2])].T
    covered = np.mean((low <= truth) & (truth <= high))
    if not np.isfinite(std).any():
        return float(covered), NAN, NAN
    pull = (value - truth) / std
    return float(covered), float(pull.mean()), float(pull.std())


def main() -> None:
    """Write the table."""
    rows = []
    for seed, (name, words, make) in enumerate(ROWS):
        covered, mean, spread = summary(answers(make, PHANTOMS, seed))
        pull = "" if np.isnan(spread) else f"{mean:+.2f} / {spread:.2f}"
        rows.append([name, words, f"{100 * covered:.1f} %", pull])
        print(rows[-1], flush=True)
    write("coverage", table(["interval of", "phantom", "coverage", "pull: mean / sd"], rows))


if __name__ == "__main__":
    main()
