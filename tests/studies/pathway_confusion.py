"""How often the pathway is found: ``python tests/studies/pathway_confusion.py``.

One hundred realizations of each class at each noise; about three minutes. Writes its table into
docs/phases_and_pathways.md.
"""

from __future__ import annotations

from collections import Counter

from pathway_phantoms import NOISE, observed
from phase_tables import table, write

from socwidgets.heterogeneity.pathway.classify import PathwayClass, classify_pathway
from socwidgets.phantoms.pathways import PATHWAYS

SEEDS = 100
NOISES = (0.05, NOISE, 0.15, 0.2, 0.3)


def found(pathway: str, noise: float, **changes: float) -> Counter[str]:
    """Verdicts over the seeds."""
    verdicts: Counter[str] = Counter()
    for seed in range(SEEDS):
        maps, labels, _ = observed(pathway, seed, noise=noise, **changes)
        verdicts[str(classify_pathway(maps, labels, draws=0).pathway)] += 1
    return verdicts


def main() -> None:
    """Confusion matrix at the default noise, and the share of right verdicts elsewhere."""
    words = [str(c).replace("_", " ") for c in PathwayClass]
    rows = []
    for pathway in PATHWAYS:
        hits = found(pathway, NOISE)
        rows.append([pathway.replace("_", " "), *(hits[str(c)] for c in PathwayClass)])
    text = table(["planted \\ found", *words], rows)
    others = []
    for noise, changes in [(n, {}) for n in NOISES] + [(NOISE, {"time": t}) for t in (0.25, 0.75)]:
        counts = [found(pathway, noise, **changes) for pathway in PATHWAYS]
        right = [count[pathway] for count, pathway in zip(counts, PATHWAYS, strict=True)]
        silent = [count["undetermined"] for count in counts]
        others.append([noise, f"{0.5 / noise:.1f}", changes.get("time", 0.5), *right, sum(silent)])
    header = ["noise", "HSN", "mean SOC", *(p.replace("_", " ") for p in PATHWAYS)]
    text += "\n\nRight verdicts of 100, by noise and state of charge:\n\n"
    write("pathway confusion", text + table([*header, "undetermined, of 400"], others))


if __name__ == "__main__":
    main()
