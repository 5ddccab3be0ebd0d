"""The table of phase states, particle by particle, as numbers for the card."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.pathway.active import wilson_interval
from socwidgets.model.errors import DataError

PHASES = "Phase states of the particles"


def phase_entries(table: pd.DataFrame) -> list[CardEntry]:
    """Share of the particles in each state, and their mean uniformity coefficient.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per particle, with the column ``state`` and, where known, ``uniformity``: what
        `socwidgets.heterogeneity.phases.table.phase_table` gives.

    Returns
    -------
    list of CardEntry
        For ``extras=`` of `heterogeneity_card`. Shares with Wilson's interval (1927); the
        uniformity with its standard error over particles, NaN below two.

    Raises
    ------
    DataError
        If there is no column ``state`` or no particle.
    """
    if "state" not in table or table.empty:
        raise DataError(
            "this is no table of phase states",
            expected="a row per particle with the column 'state'",
            found=f"{len(table)} rows, {', '.join(map(str, table.columns))}",
        )
    n = len(table)
    found = []
    for state, count in table["state"].astype(str).value_counts().items():
        low, high = wilson_interval(int(count), n)
        found.append(
            CardEntry(
                f"state_{state}".replace(" ", "_"), f"Particles: {str(state).replace('_', ' ')}",
                count / n, low=low, high=high, note=f"{count} of {n}", group=PHASES,
            )
        )  # fmt: skip
    values = table["uniformity"].dropna().to_numpy(float) if "uniformity" in table else np.zeros(0)
    if values.size:
        std = float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else float("nan")
        width = std * float(student.ppf(0.975, max(values.size - 1, 1)))
        mean = float(values.mean())
        found.append(
            CardEntry(
                "uniformity", "Uniformity coefficient", mean, std, mean - width, mean + width,
                note=f"mean of {values.size} particles; 1 uniform, 0 separated", group=PHASES,
            )
        )  # fmt: skip
    return found
