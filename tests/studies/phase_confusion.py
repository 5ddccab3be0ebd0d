"""How often the verdict on one particle is right: ``python tests/studies/phase_confusion.py``.

About a minute. Writes its tables into docs/phases_and_pathways.md.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from phase_tables import table, write
from small_particles import ARRANGEMENTS, particle, tile

from socwidgets.heterogeneity.phases.decision import PhaseState
from socwidgets.heterogeneity.phases.table import phase_table

EACH = 50
SIZES, NOISES = (20, 32, 48), (0.05, 0.1, 0.15)


def run(size: int, noise: float, seed: int = 0) -> pd.DataFrame:
    """Cross table of planted and found states, in shares of the planted ones."""
    rng = np.random.default_rng([seed, size, int(1000 * noise)])
    kinds = [kind for kind in ARRANGEMENTS for _ in range(EACH)]
    maps, labels = tile([particle(k, rng, size=size) for k in kinds], noise, rng)
    found = phase_table(maps, labels)["state"].to_numpy()
    cross = pd.crosstab(pd.Series(kinds, name="planted"), pd.Series(found, name="found"))
    states = [str(state) for state in PhaseState]
    return cross.reindex(index=list(ARRANGEMENTS), columns=states, fill_value=0) / EACH


def main() -> None:
    """Write one full table and one of all sizes and noises."""
    right, wrong = [], []
    for size in SIZES:
        for noise in NOISES:
            cross = run(size, noise)
            hits = [cross.loc[k, k] for k in ARRANGEMENTS]
            silent = cross["undetermined"]
            false = 1 - np.array(hits) - silent.to_numpy()
            right.append([size - 5, noise, *(f"{100 * h:.0f}" for h in hits)])
            wrong.append([size - 5, noise, *(f"{100 * f:.0f}" for f in false)])
            if (size, noise) == (48, 0.1):
                words = [state.replace("_", " ") for state in cross.columns]
                rows = [
                    [str(k).replace("_", " "), *(f"{100 * v:.0f}" for v in row)]
                    for k, row in zip(cross.index, cross.to_numpy(), strict=True)
                ]
                write("phase confusion", table(["planted \\ found, %", *words], rows))
    words = [k.replace("_", " ") for k in ARRANGEMENTS]
    header = ["diameter (px)", "noise", *words]
    text = "Right, %:\n\n" + table(header, right)
    text += "\n\nWrong (another word than the planted one, not counting *undetermined*), %:\n\n"
    write("phase sizes", text + table(header, wrong))


if __name__ == "__main__":
    main()
