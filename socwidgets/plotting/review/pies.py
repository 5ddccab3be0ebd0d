"""Figures 8g and 27b: charged and discharged domains of one LCO particle, as pies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.phases.domains import find_domains
from socwidgets.phantoms import make_phantom
from socwidgets.phantoms.multiphase import LCO_DISCHARGED
from socwidgets.plotting.review.canvas import Canvas
from socwidgets.plotting.review.chain import by_lcf, inner
from socwidgets.plotting.review.model import Number, ReviewFigure
from socwidgets.plotting.review.presets import RED_CHARGED
from socwidgets.plotting.review.statistics import imaged
from socwidgets.plotting.shares import share_pie

_WORDS = ("pristine", "charged, 4.6 V", "after 1C", "after 10C", "after 0.2C", "20 cycles 0.2C")
#: Discharged and charged: the review's green and red, and two that all readers tell apart.
_PIE = {"paper": ("#2ca02c", "#d62728"), "safe": ("#0072b2", "#d55e00")}


def figure_8g(seed: int, colors: str) -> ReviewFigure:
    """One LCO particle at six steps of a test: domain maps, pies and the recovery."""
    maps, rows = [], []
    for i, step in enumerate(LCO_DISCHARGED):
        phantom = make_phantom(
            "lco_domains", seed=seed, step=step, size_px=56, pixel_um=0.14, radius_um=3.4,
            domain_um=0.8, oversample=3,
        )  # fmt: skip
        found = by_lcf(phantom, seed + i, n0=35_000.0)
        labels = inner(found.labels, 1)
        inside = labels.values > 0
        domains = find_domains(found.soc["soc"].values, inside)
        seen = imaged(found.soc, labels)
        truth = 1.0 - float(np.mean(found.truth["soc"].values[inside]))
        common = found.common_sigma_of(lambda x: float(x.mean()), inside)
        sigma = float(np.hypot(seen.mean_sigma, common))
        rows.append(
            {
                "step": step, "discharged_by_domains": domains.poor, "discharged": 1.0 - seen.mean,
                "sigma": sigma, "truth": truth, "planned": phantom.numbers["discharged_fraction"],
                "domains": domains.count,
            }
        )  # fmt: skip
        maps.append(found.soc["soc"])
    table = pd.DataFrame(rows)
    numbers = _recovery(table)
    words = ", ".join(f"{name} {number}" for name, number in numbers.items())
    return ReviewFigure(
        "8g",
        "Charged and discharged domains of an LCO particle, and its recovery",
        _draw(maps, table, numbers, colors).done(f"Six maps with pies. {words}."),
        numbers,
        {"steps": table},
        "Phantom: section of one sphere cut into charged and discharged domains, measured by a TXM "
        "at the Co K edge and fitted with two references. The review prints a recovery of 50 % "
        "after 1C and 29 % after 10C and calls 0.2C healed (golden G-21; our phantom has 90 % "
        "there). Recovery is the discharged share over that of the pristine particle. "
        f"Colors: {RED_CHARGED.note}.",
    )


def _recovery(table: pd.DataFrame) -> dict[str, Number]:
    """Discharged share over that of the pristine particle, with its uncertainty."""
    first, numbers = table.iloc[0], {}
    for row, words in zip(table.itertuples(), _WORDS, strict=True):
        if "C" not in words:
            continue
        value = row.discharged / first.discharged
        sigma = value * np.hypot(row.sigma / row.discharged, first.sigma / first.discharged)
        printed = {"after 1C": "printed: 50 %", "after 10C": "printed: 29 %"}.get(words, "")
        numbers[f"recovery {words}"] = Number(
            value, row.truth / first.truth, float(sigma), "", printed
        )
    return numbers


def _draw(
    maps: list[xr.DataArray], table: pd.DataFrame, numbers: dict[str, Number], colors: str
) -> Canvas:
    canvas = Canvas(8.6, 4.6)
    cmap = RED_CHARGED.colormap(colors)
    titles = [f"{'abcdef'[i]}  {words}" for i, words in enumerate(_WORDS)]
    image = canvas.row(0.3, 0.35, 1.26, maps, titles, cmap, (0.0, 1.0), gap=0.12)
    for i, row in enumerate(table.itertuples()):
        axes = canvas.axes(0.45 + 1.38 * i, 2.0, 0.95, 0.95)
        share = row.discharged_by_domains
        share_pie(axes, (share, 1.0 - share), _PIE[colors], "{share} discharged")
    canvas.bar(0.3, 3.6, 3.3, image, "State of charge", RED_CHARGED, maps[2])
    canvas.numbers(4.4, 3.4, numbers, 3.9)
    return canvas
