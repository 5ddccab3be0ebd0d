"""How often the pathway is found: ``python tests/studies/pathway_confusion.py``.

One hundred realizations of each class at the default noise, 25 at others; about two minutes.
Writes its table into docs/phases_and_pathways.md.
"""

from __future__ import annotations

from collections import Counter

from pathway_phantoms import NOISE, observed
from phase_tables import table, write

from socwidgets.heterogeneity.pathway.classify import PathwayClass, classify_pathway
from socwidgets.phantoms.pathways import PATHWAYS

SEEDS, FEWER = 100, 25
OTHERS = (
    (0.05, {}),
    (0.2, {}),
    (0.3, {}),
    (NOISE, {"time": 0.25}),
    (NOISE, {"time": 0.75}),
)


def found(pathway: str, noise: float, seeds: int, **changes: float) -> Counter[str]:
    """Verdicts over the seeds."""
    verdicts: Counter[str] = Counter()
    for seed in range(seeds):
        maps, labels, _ = observed(pathway, seed, noise=noise, **changes)
        verdicts[str(classify_pathway(maps, labels, draws=0).pathway)] += 1
    return verdicts


def main() -> None:
    """Confusion matrix at the default noise, and the share of right verdicts elsewhere."""
    words = [str(c).replace("_", " ") for c in PathwayClass]
    rows = []
    for pathway in PATHWAYS:
        hits = found(pathway, NOISE, SEEDS)
        rows.append([pathway.replace("_", " "), *(hits[str(c)] for c in PathwayClass)])
    text = table(["planted \\ found", *words], rows)
    others = []
    print(text, flush=True)
    for noise, changes in OTHERS:
        counts = [found(pathway, noise, FEWER, **changes) for pathway in PATHWAYS]
        right = [count[pathway] for count, pathway in zip(counts, PATHWAYS, strict=True)]
        silent = [count["undetermined"] for count in counts]
        others.append([noise, f"{0.5 / noise:.1f}", changes.get("time", 0.5), *right, sum(silent)])
    header = ["noise", "HSN", "mean SOC", *(p.replace("_", " ") for p in PATHWAYS)]
    text += "\n\nRight verdicts of 25 realizations each, at other noise and states of charge:\n\n"
    write("pathway confusion", text + table([*header, "undetermined, of 100"], others))


if __name__ == "__main__":
    main()
