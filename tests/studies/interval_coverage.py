"""How often each 95 % interval holds the truth, over a few hundred phantoms; writes a table.

Run by hand:  python tests/studies/interval_coverage.py [number of phantoms] [seed]

Truth is that of the process the phantoms are drawn from: random fields cut out of larger ones and
not standardized, particles drawn from a population. The table goes into docs/heterogeneity.md
between the two marks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from planted_maps import map_set, random_field  # noqa: E402

from socwidgets.heterogeneity.bootstrap import (  # noqa: E402
    Interval,
    resampling_units,
)
from socwidgets.heterogeneity.correlation import correlation_length_px  # noqa: E402
from socwidgets.heterogeneity.nested_levels import sample_levels  # noqa: E402
from socwidgets.heterogeneity.sample import Sample, take_sample  # noqa: E402
from socwidgets.heterogeneity.space.moran import autocorrelation_of  # noqa: E402
from socwidgets.heterogeneity.space.radial import core_shell_of  # noqa: E402
from socwidgets.heterogeneity.space.structure import correlation_length_of  # noqa: E402
from socwidgets.heterogeneity.spread import noise_corrected_spread  # noqa: E402
from socwidgets.heterogeneity.spread_intervals import bootstrap  # noqa: E402

BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"
SIZE, TRUE, NOISE, LENGTH = 160, 0.10, 0.05, 5.0
SIDE, PITCH, RADIUS, BETWEEN, WITHIN, CONTRAST = 6, 24, 10, 0.10, 0.05, 0.08
RIM, RIM_SD, REACH = 0.8, 0.05, 2.0
Row = tuple[str, float, float, Interval]


def field_rows(rng: np.random.Generator, draws: int) -> list[Row]:
    """Mean, spreads, Moran's I and correlation length of one random field."""
    values = 0.5 + TRUE * random_field(rng, (SIZE, SIZE), LENGTH)
    sample = take_sample(map_set(values + rng.normal(0, NOISE, values.shape), NOISE), "soc")
    spread = noise_corrected_spread(sample.values, sample.noise_variance)
    rough = correlation_length_px(sample, spread.true**2)
    made = bootstrap(sample, rough, draws=draws)
    units = resampling_units(sample, rough)
    likeness = autocorrelation_of(sample, units, draws=draws, permutations=0)
    length = correlation_length_of(sample, draws=min(draws, 200), rough_px=rough)
    pixel = sample.spacing_um[0]
    return [
        ("mean", 0.5, float(sample.values.mean()), made.mean),
        ("sd as observed", float(np.hypot(TRUE, NOISE)), spread.observed, made.observed),
        ("sd without noise", TRUE, spread.true, made.true),
        (
            "Moran's I without noise", float(np.exp(-1 / (2 * LENGTH**2))), likeness.moran_true,
            likeness.moran_interval,
        ),
        (
            "correlation length", LENGTH * np.sqrt(2) * pixel, length.model_um, length.interval,
        ),
    ]  # fmt: skip


def geometry() -> tuple[np.ndarray, np.ndarray]:
    """Distance from the center of its particle, and particle, of every pixel."""
    size = SIDE * PITCH
    y, x = np.mgrid[:size, :size]
    r = np.hypot(y % PITCH - PITCH / 2, x % PITCH - PITCH / 2) / RADIUS
    return r, y // PITCH * SIDE + x // PITCH


def particle_sample(rng: np.random.Generator) -> Sample:
    """Particles of a population: own mean, own rim, a random field inside, noise."""
    r, which = geometry()
    own = rng.normal(0.5, BETWEEN, SIDE**2)
    rim = rng.normal(CONTRAST, RIM_SD, SIDE**2)
    values = own[which] + WITHIN * random_field(rng, r.shape, REACH)
    values += rim[which] * (r > RIM) + rng.normal(0, NOISE, r.shape)
    return sample_of(values)


def sample_of(values: np.ndarray) -> Sample:
    """Pixels of the particles."""
    r, which = geometry()
    maps = map_set(np.where(r <= 1, values, np.nan), NOISE)
    labels = maps.soc.copy(data=np.where(r <= 1, which + 1, 0))
    return take_sample(maps, "soc", labels=labels)


def particle_rows(rng: np.random.Generator, draws: int) -> list[Row]:
    """Mean, ICC and contrast of rim and core of one set of particles."""
    sample = particle_sample(rng)
    made = bootstrap(sample, float("nan"), draws=draws)
    levels, shell = sample_levels(sample), core_shell_of(sample, permutations=99, ranks=False)
    truth = particle_truth()
    icc = Interval(float("nan"), float(levels.icc_low[0]), float(levels.icc_high[0]))
    found = noise_corrected_spread(sample.values, sample.noise_variance)
    return [
        ("mean of particles", truth["mean"], float(sample.values.mean()), made.mean),
        ("sd without noise, particles", truth["sd"], found.true, made.true),
        ("ICC", truth["icc"], float(levels.icc[0]), icc),
        (
            "core-shell contrast", truth["contrast"], shell.contrast,
            Interval(shell.std, shell.low, shell.high),
        ),
    ]  # fmt: skip


def particle_truth() -> dict[str, float]:
    """What the population has, from the covariance of the pixels of one particle."""
    r, which = geometry()
    first = (which == 0) & (r <= 1)
    y, x = np.nonzero(first)
    rim = (r[first] > RIM).astype(float)
    n = rim.size
    apart = (y - y[:, None]) ** 2 + (x - x[:, None]) ** 2
    within = WITHIN**2 * np.exp(-apart / (2 * REACH**2)) + RIM_SD**2 * np.outer(rim, rim)
    between = BETWEEN**2 + within.mean()
    inside = np.trace(within) / n - within.mean() + CONTRAST**2 * rim.var()
    # Expectation of the mean square within, and of the component between, of the ANOVA.
    square = inside * n / (n - 1)
    shell = core_shell_of(sample_of(CONTRAST * (r > RIM)), permutations=1, ranks=False)
    return {
        "mean": 0.5 + CONTRAST * rim.mean(),
        "sd": float(np.sqrt(between + inside)),
        "icc": float((between - square / n) / (between - square / n + square)),
        "contrast": shell.contrast,
    }


def study(phantoms: int, draws: int = 400, seed: int = 1) -> dict[str, dict[str, float]]:
    """Coverage, bias and pull of every interval."""
    rows: dict[str, list[tuple[float, float, Interval]]] = {}
    for rng in np.random.default_rng(seed).spawn(phantoms):
        for name, truth, value, interval in (
            *field_rows(rng, draws),
            *particle_rows(rng, draws),
        ):
            rows.setdefault(name, []).append((truth, value, interval))
    result = {}
    for name, found in rows.items():
        truth = found[0][0]
        values = np.array([v for _, v, _ in found])
        covered = np.mean([i.low <= truth <= i.high for _, _, i in found])
        claimed = np.array([i.std for *_, i in found])
        result[name] = {
            "truth": truth,
            "mean": float(values.mean()),
            "scatter": float(values.std(ddof=1)),
            "claimed": float(np.sqrt(np.mean(claimed**2))),
            "coverage": float(covered),
        }
    return result


def table(result: dict[str, dict[str, float]], phantoms: int) -> str:
    """Markdown."""
    lines = [
        f"| quantity ({phantoms} phantoms) | truth | mean estimate | scatter | mean standard error "
        "| coverage of the 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for name, r in result.items():
        claimed = "-" if np.isnan(r["claimed"]) else f"{r['claimed']:.4f}"
        lines.append(
            f"| {name} | {r['truth']:.4f} | {r['mean']:.4f} | {r['scatter']:.4f} | {claimed} "
            f"| {100 * r['coverage']:.1f} % |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the study and put the table into the documentation."""
    phantoms = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    text = table(study(phantoms, seed=seed), phantoms)
    print(text)
    page = ROOT / "docs" / "heterogeneity.md"
    if page.is_file() and BEGIN in page.read_text(encoding="utf-8"):
        head, rest = page.read_text(encoding="utf-8").split(BEGIN)
        page.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
