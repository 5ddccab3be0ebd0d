"""What the null test found: measured against homogeneous, in numbers and words."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.null.measures import TWO_SIDED
from socwidgets.model.provenance import jsonable

#: Significance of the words.
ALPHA = 0.05
_COLUMNS = ("words", "measured", "null_mean", "null_low", "null_high", "p_value", "beyond_null")


@dataclass(frozen=True, slots=True)
class NullTest:
    """Result of `null_test`.

    Attributes
    ----------
    table : pandas.DataFrame
        Indexed by measure: ``words``, ``measured``, ``null_mean``, ``null_low`` and ``null_high``
        (2.5 and 97.5 % of the homogeneous samples), ``p_value`` (share of homogeneous samples that
        look at least as heterogeneous, the measured one counted in; never below
        ``1/(repeats + 1)``) and
        ``beyond_null``: ``sqrt(measured^2 - mean null^2)`` of a spread (0 if negative), the plain
        difference of the others.
    draws : pandas.DataFrame
        ``(repeat, measure)``.
    mean : float
        Mean of the measured map: the SOC that the homogeneous sample has everywhere.
    null_means : ndarray
        ``(repeat,)``, means that came back; their distance from `mean` is the pipeline's bias.
    units : str
        Of the map.
    seed : int
        As called.
    example : xarray.Dataset
        Maps of the first homogeneous sample, to look at beside the measured ones.
    """

    table: pd.DataFrame
    draws: pd.DataFrame
    mean: float
    null_means: np.ndarray
    units: str
    seed: int
    example: xr.Dataset | None

    @property
    def repeats(self) -> int:
        """Number of homogeneous samples."""
        return len(self.draws)

    @property
    def bias(self) -> float:
        """Mean that comes back less the one put in."""
        return float(np.mean(self.null_means) - self.mean)

    @property
    def verdict(self) -> str:
        """The result in words."""
        row = self.table.loc[self.table.index[0]]
        p, seen, none = row["p_value"], row["measured"], row["null_mean"]
        if np.isnan(p):
            return "The null test has no answer: the measured spread is not known."
        text = (
            f"A perfectly homogeneous sample would show {none:.3f} ({str(row['words']).lower()}) "
            f"after the same measurement and analysis"
        )
        if p > ALPHA and p < 1.5 / (self.repeats + 1):
            return (
                f"{text}; the map shows {seen:.3f}, more than any of them, but {self.repeats} "
                f"repeats are too few to be sure: {int(np.ceil(1 / ALPHA)) - 1} are needed."
            )
        if p > ALPHA:
            return f"{text}; the map shows {seen:.3f}, which is no more (p = {p:.2g})."
        return (
            f"{text}; the map shows {seen:.3f} (p = {p:.2g}), of which {row['beyond_null']:.3f} "
            "are beyond what the method makes by itself."
        )

    def entries(self) -> list[CardEntry]:
        """Numbers for a card: what the homogeneous sample shows, with the measured value beside."""
        found = []
        for name, row in self.table.iterrows():
            note = (
                f"{self.repeats} homogeneous samples through the same pipeline; measured "
                f"{row['measured']:.3g}, p = {row['p_value']:.2g}"
            )
            is_spread = str(name).startswith("sd")
            found.append(
                CardEntry(
                    f"null_{name}",
                    f"{row['words']}: of a homogeneous sample",
                    float(row["null_mean"]),
                    float(self.draws[str(name)].std(ddof=0)),
                    float(row["null_low"]),
                    float(row["null_high"]),
                    self.units if is_spread or name in TWO_SIDED else "1",
                    note,
                )
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; NaN becomes None."""
        made: dict[str, Any] = jsonable(
            {
                "verdict": self.verdict,
                "mean": self.mean,
                "bias": self.bias,
                "repeats": self.repeats,
                "seed": self.seed,
                "measures": self.table.to_dict(orient="index"),
            }
        )
        return made

    def _repr_html_(self) -> str:
        head = ("", "measured", "homogeneous", "95 %", "p", "beyond")
        cells = "".join(f"<th>{text}</th>" for text in head)
        rows = "".join(
            f"<tr><th scope='row'>{escape(str(r['words']))}</th><td>{r['measured']:.3f}</td>"
            f"<td>{r['null_mean']:.3f}</td><td>{r['null_low']:.3f} to {r['null_high']:.3f}</td>"
            f"<td>{r['p_value']:.3f}</td><td>{r['beyond_null']:.3f}</td></tr>"
            for _, r in self.table.iterrows()
            if np.isfinite(r["measured"])
        )
        return (
            f"<div class='soc-card'><p><strong>{escape(self.verdict)}</strong></p>"
            f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


def compare(observed: dict[str, float], draws: pd.DataFrame, words: dict[str, str]) -> pd.DataFrame:
    """Table of `NullTest` from the measured numbers and those of the homogeneous samples.

    Parameters
    ----------
    observed : dict
        Measured value of each measure.
    draws : pandas.DataFrame
        ``(repeat, measure)``; NaN rows of a measure are left out.
    words : dict
        What each measure is called.
    """
    rows = {}
    for name, value in observed.items():
        null = draws[name].to_numpy(dtype=float)
        null = null[np.isfinite(null)]
        if not null.size or not np.isfinite(value):
            rows[name] = (words[name], value, *(float("nan"),) * 5)
            continue
        mean = float(null.mean())
        low, high = np.quantile(null, [0.025, 0.975])
        if name in TWO_SIDED:
            beyond_as_far = np.abs(null - mean) >= abs(value - mean)
        else:
            beyond_as_far = null >= value
        p = (1 + np.count_nonzero(beyond_as_far)) / (null.size + 1)
        rest = value - mean
        if name in ("sd_observed", "sd_between"):
            rest = float(np.sqrt(max(value**2 - float(np.mean(null**2)), 0.0)))
        rows[name] = (words[name], value, mean, float(low), float(high), p, rest)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(_COLUMNS)).rename_axis(
        "measure"
    )
