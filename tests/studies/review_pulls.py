"""Pulls of the numbers of the review's figures over many seeds: is each sigma what it says?

``python tests/studies/review_pulls.py 12 [first seed] [figure ...]`` makes every figure with that
many seeds and prints, for each number, mean and root mean square of ``(value - truth)/sigma``.
Without names of figures the table goes into docs/gallery.md. About 40 seconds of one core per seed
for all figures.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from socwidgets.plotting.review import REVIEW_FIGURES, review_figure

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gallery.md"
BEGIN, END = "<!-- pulls: begin -->", "<!-- pulls: end -->"


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
    table = table.assign(number=table.number.str.replace(r"  +", " ", regex=True))
    groups = table.groupby(["figure", "number"], sort=False)["pull"]
    frame = groups.agg(
        seeds="count", mean="mean", rms=lambda p: float(np.sqrt(np.mean(np.square(p.dropna())))),
        largest=lambda p: float(p.abs().max()),
    )  # fmt: skip
    return frame.reset_index()


def written(found):
    """Table for the page: numbers that have a truth and an uncertainty."""
    rows = [
        f"| {r.figure} | {r.number} | {r.seeds} | {r.mean:+.1f} | {r.rms:.1f} | {r.largest:.1f} |"
        for r in found[found.seeds > 0].round(1).itertuples(index=False)
    ]
    head = ["| figure | number | seeds | mean | root mean square | largest |", "|" + "---|" * 6]
    return "\n".join([*head, *rows])


def write(found):
    """Put the table between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{written(found)}\n{END}{after}", encoding="utf-8")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    table = pulls(sys.argv[3:] or list(REVIEW_FIGURES), range(first, first + count))
    found = summary(table)
    pd.set_option("display.width", 140, "display.max_rows", 200)
    print(found.round(2).to_string(index=False))
    if not sys.argv[3:]:
        write(found)


if __name__ == "__main__":
    main()
