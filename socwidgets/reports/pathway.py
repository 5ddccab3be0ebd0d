"""Steps of the template `pathway`: active fraction, kappa, classes of an ensemble."""

from __future__ import annotations

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from socwidgets import plotting
from socwidgets.heterogeneity.pathway.classify import Pathway, PathwayClass, classify_pathway
from socwidgets.heterogeneity.phases.table import phase_table
from socwidgets.model.status import usable
from socwidgets.plotting.states import state_figure
from socwidgets.plotting.style import CYCLE, MUTED
from socwidgets.reports.publish import show_figures, show_table
from socwidgets.reports.results import Number
from socwidgets.reports.scan import Scan
from socwidgets.reports.words import with_uncertainty

#: What each class means, for the top of the page.
WORDS = {
    PathwayClass.SEQUENTIAL_TWO_PHASE: "one particle after the other, with two phases inside",
    PathwayClass.SEQUENTIAL_SOLID_SOLUTION: "one particle after the other, in solid solution",
    PathwayClass.CONCURRENT_TWO_PHASE: "all particles together, with two phases inside",
    PathwayClass.CONCURRENT_SOLID_SOLUTION: "all particles together, in solid solution",
}


def find_pathway(scan: Scan) -> Pathway:
    """Class of the ensemble, see `classify_pathway`."""
    params = scan.params
    draws = max(100, min(params.draws, 2000))
    return classify_pathway(scan.maps, scan.labels, draws=draws, seed=params.seed)


def find_phases(scan: Scan) -> pd.DataFrame:
    """State of every particle, see `phase_table`."""
    return phase_table(scan.maps, scan.labels)


def pathway_numbers(pathway: Pathway) -> dict[str, Number]:
    """Numbers that the class rests on."""
    return {
        e.name: Number(e.value, e.long_name, e.units, e.std, e.low, e.high, e.note)
        for e in pathway.entries()
    }


def pathway_verdict(pathway: Pathway) -> str:
    """One sentence: the class and why, or why none can be given."""
    if pathway.pathway == PathwayClass.UNDETERMINED:
        return f"The pathway cannot be told from this map: {pathway.reason}."
    return (
        f"The ensemble reacts {WORDS[pathway.pathway]}: panel {pathway.panel} of Fig. 5 of the "
        "review (Zhang, Yang and Tian, 2019)."
    )


def pathway_warnings(pathway: Pathway) -> list[str]:
    """What a reader must know about the class."""
    said = [
        "One map is one moment: particles that react fast are rarely seen active; the current and "
        "the time since it stopped belong to this statement.",
    ]
    if pathway.n_small:
        said.append(f"{pathway.n_small} particles were too small to be judged.")
    return said


def show_pathway(phases: pd.DataFrame, scan: Scan) -> None:
    """Map with the particles, how many are in which state, and the table."""
    keep = usable(scan.maps)
    maps = [
        plotting.map_figure(scan.maps["soc"].where(keep), None, scan.labels, width=5.0),
        plotting.map_figure(scan.maps["soc_std"].where(keep), width=5.0),
    ]
    show_figures(maps, "map", ["The map with its particles.", "Standard uncertainty."])
    means = scan.table["mean"]
    values = xr.DataArray(
        means.to_numpy(float), dims="particle", name="mean", attrs=dict(scan.maps["soc"].attrs)
    )
    noise = float((scan.table["mean_std"] ** 2).mean() ** 0.5)
    figure = plotting.histogram_figure(
        values, mean=float(means.mean()), observed_sd=float(means.std(ddof=0)), noise_sd=noise,
        bins=20,
    )  # fmt: skip
    caption = (
        "Means of the particles: two peaks at the ends if they react one after the other, one peak "
        "that moves if they react together. Orange: noise of a mean."
    )
    show_figures(figure, "pathway", caption)
    show_figures(_states_figure(phases), "pathway", "Particles in each state.")
    shown = phases.head(40)
    table = pd.DataFrame(
        {
            "state": [str(s).replace("_", " ") for s in shown["state"]],
            "mean": [f"{v:.3f}" for v in shown["mean"]],
            "uniformity": [
                with_uncertainty(v, s)
                for v, s in zip(shown["uniformity"], shown["uniformity_std"], strict=True)
            ],
            "pixels": [str(int(v)) for v in shown["n_pixels"]],
            "why": shown["reason"].astype(str),
        },
        index=shown.index.rename("particle"),
    )
    show_table(table, "pathway", f"State of the {len(phases)} particles", folded=True)


def _states_figure(phases: pd.DataFrame) -> Figure:
    counts = phases["state"].astype(str).str.replace("_", " ").value_counts()
    gray = ("undetermined", "end member")
    colors = {
        name: MUTED if name in gray else CYCLE[i % len(CYCLE)]
        for i, name in enumerate(counts.index)
    }
    return state_figure({str(k): int(v) for k, v in counts.items()}, colors)
