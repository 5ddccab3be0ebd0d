"""What a figure of the review comes with: its numbers beside the truth, its data, its caption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from socwidgets.model.errors import DataError
from socwidgets.plotting.style import png_bytes


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a figure, as the analysis found it, beside the truth of the phantom.

    Attributes
    ----------
    value : float
        What the analysis found.
    truth : float
        What the phantom says; NaN where there is no single truth.
    sigma : float
        Standard uncertainty of `value`; NaN where none is known.
    unit : str
        Unit, empty if dimensionless.
    note : str
        How it was found, or what the review prints.
    """

    value: float
    truth: float = float("nan")
    sigma: float = float("nan")
    unit: str = ""
    note: str = ""

    @property
    def pull(self) -> float:
        """``(value - truth)/sigma``; NaN where one of them is missing."""
        return (self.value - self.truth) / self.sigma if self.sigma > 0 else float("nan")

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{words_of(self.value, self.sigma)}{unit}"


@dataclass(frozen=True, slots=True)
class ReviewFigure:
    """One figure of the review, made from a phantom by the whole chain of analysis.

    Attributes
    ----------
    name : str
        Number of the figure in the review.
    title : str
        What it shows.
    figure : matplotlib.figure.Figure
        Made without pyplot; `alt_text` describes it.
    numbers : mapping of str to Number
        What was found, with uncertainty, beside the truth.
    data : mapping of str to pandas.DataFrame
        The data behind the plot, for a file of their own.
    caption : str
        Which phantom, what the review prints, which way the colors run.
    """

    name: str
    title: str
    figure: Figure
    numbers: Mapping[str, Number]
    data: Mapping[str, pd.DataFrame]
    caption: str

    def table(self) -> pd.DataFrame:
        """One row per number: value, sigma, truth, pull, unit, note."""
        rows = {
            name: {
                "value": n.value, "sigma": n.sigma, "truth": n.truth, "pull": n.pull,
                "unit": n.unit, "note": n.note,
            }
            for name, n in self.numbers.items()
        }  # fmt: skip
        return pd.DataFrame.from_dict(rows, orient="index")

    def _repr_png_(self) -> bytes:
        return png_bytes(self.figure)


def words_of(value: float, sigma: float = float("nan")) -> str:
    """Value with its uncertainty, both to the second digit of the uncertainty."""
    if not np.isfinite(value):
        return "–"
    if not (np.isfinite(sigma) and sigma > 0):
        return f"{value:.3g}"
    digits = int(np.clip(1 - np.floor(np.log10(sigma)), 0, 6))
    return f"{value:.{digits}f} ± {sigma:.{digits}f}"


def check_figures(*figures: ReviewFigure, limit: float = 5.0) -> str:
    """Compare every number of some figures with its truth.

    Parameters
    ----------
    *figures : ReviewFigure
        From `review_figure`.
    limit : float
        Largest distance from the truth, in standard uncertainties.

    Returns
    -------
    str
        How many numbers were compared.

    Raises
    ------
    DataError
        If a number lies farther from its truth, or if there is none to compare.
    """
    pulls = {
        f"Fig. {figure.name}: {name}": number.pull
        for figure in figures
        for name, number in figure.numbers.items()
        if np.isfinite(number.pull)
    }
    far = [f"{name} ({pull:+.1f} sigma)" for name, pull in pulls.items() if abs(pull) > limit]
    if far or not pulls:
        raise DataError(
            "the truth was not recovered" if far else "there is no number to compare",
            expected=f"within {limit:g} standard uncertainties",
            found="; ".join(far) or "none with a truth and an uncertainty",
        )
    typical = float(np.sqrt(np.mean(np.square(list(pulls.values())))))
    return (
        f"{len(pulls)} numbers of {len(figures)} figures lie within {limit:g} standard "
        f"uncertainties of the truth (root mean square {typical:.1f})."
    )
