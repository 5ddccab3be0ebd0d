"""Pulls of the numbers of the review's figures over many seeds: is each sigma what it says?

``python tests/studies/review_pulls.py 12 [first seed] [figure ...]`` makes every figure with that
many seeds and prints, for each number, mean and root mean square of ``(value - truth)/sigma``.
About a minute of one core per seed for all figures.
"""

import sys
import time

import numpy as np
import pandas as pd

from socwidgets.plotting.review import REVIEW_FIGURES, review_figure


def pulls(names, seeds):
    """One row per figure, number and seed."""
    rows = []
    for name in names:
        start = time.process_time()
        for seed in seeds:
            made = review_figure(name, seed=seed)
            rows += [
                {"figure": name, "number": label, "seed": seed, "pull": number.pull,
                 "value": number.value, "truth": number.truth, "sigma": number.sigma}
                for label, number in made.numbers.items()
            ]  # fmt: skip
        spent = (time.process_time() - start) / len(seeds)
        print(f"Fig. {name}: {spent:.1f} s of processor per seed", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def summary(table):
    """Mean, root mean square and largest pull of each number, with how many seeds gave one."""
    groups = table.groupby(["figure", "number"], sort=False)["pull"]
    frame = groups.agg(
        seeds="count", mean="mean", rms=lambda p: float(np.sqrt(np.mean(np.square(p.dropna())))),
        largest=lambda p: float(p.abs().max()),
    )  # fmt: skip
    return frame.reset_index()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    table = pulls(sys.argv[3:] or list(REVIEW_FIGURES), range(first, first + count))
    found = summary(table)
    pd.set_option("display.width", 140, "display.max_rows", 200)
    print(found.round(2).to_string(index=False))
    return table


if __name__ == "__main__":
    main()
