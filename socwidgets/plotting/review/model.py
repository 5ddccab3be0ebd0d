"""What a figure of the review comes with: its numbers beside the truth, its data, its caption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

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
