"""Which way the colors of each figure of the review run, and what both ends mean (science 0.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """Colors of one figure.

    Attributes
    ----------
    low, high : str
        What the low and the high end of the *quantity* mean, in words.
    safe : str
        Color map for all readers, with the light-dark or warm-cold direction of the review.
    paper : str
        The review's own colors.
    note : str
        The direction in words, for the caption.
    """

    low: str
    high: str
    safe: str
    paper: str
    note: str

    def colormap(self, colors: str) -> str:
        """Name of the color map."""
        return self.paper if colors == "paper" else self.safe


_DISCHARGED, _CHARGED = "Li-rich / discharged", "Li-poor / charged"

#: SOC with red for discharged (Figs 1 and 10c-k).
RED_DISCHARGED = Preset(
    _DISCHARGED, _CHARGED, "RdYlBu", "RdYlBu",
    "red means discharged, blue charged, as in the review",
)  # fmt: skip
#: SOC with red for charged (Figs 8g, 13, 17, 26e, 27b).
RED_CHARGED = Preset(
    _DISCHARGED, _CHARGED, "RdYlBu_r", "RdYlGn_r",
    "red means charged, as in the review (whose other end is green; here blue, for all readers)",
)  # fmt: skip
RED_CHARGED_BLUE = Preset(
    _DISCHARGED, _CHARGED, "RdYlBu_r", "RdYlBu_r",
    "red means charged, blue discharged, as in the review",
)  # fmt: skip
#: Li removed against the median: red is less charged (Fig. 9a).
RED_LESS_CHARGED = Preset(
    "less charged", "more charged", "RdYlBu", "RdYlGn",
    "red means less charged than the median, as in the review (whose other end is green)",
)  # fmt: skip
#: Energy against the mode: red is more oxidized (Fig. 9b-d).
RED_OXIDIZED = Preset(
    "reduced", "oxidized", "RdYlBu_r", "jet",
    "red means 1.5 eV above the mode (more oxidized), blue 1.5 eV below, as in the review",
)  # fmt: skip
