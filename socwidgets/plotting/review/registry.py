"""The list of figures that can be made, and the one call that makes them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module

from socwidgets.model.errors import ParameterError
from socwidgets.plotting.review.model import ReviewFigure
from socwidgets.plotting.style import styled


@dataclass(frozen=True, slots=True)
class Entry:
    """One figure: where it is made, what it shows, under which other names it is known."""

    module: str
    function: str
    title: str
    aliases: tuple[str, ...] = ()


REVIEW_FIGURES: dict[str, Entry] = {
    "1": Entry("electrodes", "figure_1", "How much of the spread lies at which scale"),
    "15f-h": Entry("electrodes", "figure_15", "Thick electrode: spread by depth and in the plane",
                   ("15f", "15g", "15h")),
    "10a-k": Entry("cycle", "figure_10", "NCA at eight stops of a cycle", ("10", "10a", "10k")),
    "13": Entry("channels", "figure_13", "Reaction channels of LFP by 2-D XAFS", ("13c-h",)),
    "16c": Entry("cracks", "figure_16c", "Cracks against particle size"),
    "18": Entry("facets", "figure_18", "Facets that react at another speed"),
    "27c": Entry("cracks", "figure_27c", "A crack lengthens the path of lithium"),
    "26a-d": Entry("gradients", "figure_26", "FePO4 fraction through the depth and along",
                   ("26a", "26b", "26c", "26d")),
    "26e": Entry("gradients", "figure_26e", "Charged part of LCO at three currents"),
    "3": Entry("cores", "figure_3", "Shrinking core, domino and what projection makes of them",
               ("3a", "3b", "3d")),
    "8g": Entry("pies", "figure_8g", "Domains of LCO and its recovery", ("27b",)),
    "9a": Entry("secondary", "figure_9a", "Li removed in 21 NMC333 particles"),
    "9b-d": Entry("peak_energy", "figure_9bcd", "Peak energy of Ni in NMC622", ("9b", "9c", "9d")),
    "29a": Entry("peak_energy", "figure_29a", "Peak energy while NMC442 is heated"),
    "4": Entry("fronts", "figure_4", "Front speed by direction during a charge"),
    "5": Entry("particles_ensemble", "figure_5", "Four reaction pathways"),
    "17": Entry("particles_ensemble", "figure_17", "Platelets and ellipsoids of LFP"),
    "25a": Entry("particles_ensemble", "figure_25a", "Uniformity of LFP particles"),
    "6": Entry("composites", "figure_6", "Phases of LMO at four voltages"),
    "7c": Entry("composites", "figure_7c", "Three phases of LNMO at x = 0.51"),
    "7d": Entry("composites", "figure_7d", "Ni oxidation number in a volume"),
}  # fmt: skip


def review_figure(name: str, seed: int = 0, *, colors: str = "safe") -> ReviewFigure:
    """Make one figure of the review from a phantom.

    A phantom is made, an instrument measures it, the functions of this package analyze the raw
    data as they would those of a user, and the result is drawn beside the truth.

    Parameters
    ----------
    name : str
        Number of the figure, such as ``"7c"``; `REVIEW_FIGURES` lists them.
    seed : int
        Seed of sample and instrument. The same seed gives the same figure.
    colors : {"safe", "paper"}
        Colors that color-blind readers can tell apart, or those of the review. The direction is
        that of the review in both, and both ends stand on the color bar in words.

    Returns
    -------
    ReviewFigure

    Raises
    ------
    ParameterError
        If there is no such figure, with the nearest one there is.
    """
    if colors not in ("safe", "paper"):
        raise ParameterError("unknown colors", expected="'safe' or 'paper'", found=repr(colors))
    known = {alias: key for key, entry in REVIEW_FIGURES.items() for alias in (key, *entry.aliases)}
    wanted = str(name).lower().removeprefix("fig.").removeprefix("fig").strip()
    if wanted not in known:
        near = difflib.get_close_matches(wanted, known, 1, cutoff=0.3)
        raise ParameterError(
            f"figure {name!r} of the review cannot be made",
            expected=f"one of {', '.join(REVIEW_FIGURES)}",
            found=repr(name),
            fix=f"did you mean {near[0]!r}?" if near else "see docs/gallery.md for what is missing",
        )
    entry = REVIEW_FIGURES[known[wanted]]
    make = getattr(import_module(f"socwidgets.plotting.review.{entry.module}"), entry.function)
    made: ReviewFigure = styled(make)(seed, colors)
    return made
