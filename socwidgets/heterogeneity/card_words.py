"""What a card says in words: they follow the numbers and go no further."""

from __future__ import annotations

import numpy as np

from socwidgets.heterogeneity.card_parts import CAUTION, CardCheck
from socwidgets.heterogeneity.nested import VarianceShares
from socwidgets.heterogeneity.sample import Sample
from socwidgets.heterogeneity.space.radial import CoreShell
from socwidgets.heterogeneity.spread import NoiseCorrectedSpread
from socwidgets.heterogeneity.spread_intervals import BootstrapResult

#: Below this ratio of true spread to noise no adjective is used.
MIN_HSN = 0.5
#: A rim is named in the verdict only where chance would make it this rarely.
SHELL_P = 0.01


def verdict(
    sample: Sample,
    spread: NoiseCorrectedSpread,
    shares: VarianceShares | None,
    shell: CoreShell | None = None,
) -> str:
    """One or two sentences; nothing below the detection limit is called heterogeneous."""
    name = sample.kind.name.replace("_", " ").replace("soc", "state of charge")
    if np.isnan(spread.true):
        return f"The noise of this {name} map is not known: its spread cannot be judged."
    if spread.below_detection:
        return (
            f"No heterogeneity of the {name} above the noise: the spread of {spread.observed:.3f} "
            f"is explained by noise of {spread.noise:.3f}; anything below "
            f"{spread.detection_limit:.3f} would go unseen."
        )
    if spread.hsn < MIN_HSN:
        return (
            f"The {name} varies by {spread.true:.3f} beyond the noise, which is "
            f"{spread.noise:.3f}: too little of it to judge its structure."
        )
    text = f"The {name} is heterogeneous: a spread of {spread.true:.3f} remains without the noise"
    if shares is not None and shares.n_groups > 1 and np.isfinite(shares.share_between_true):
        text += f", {100 * shares.share_between_true:.0f} % of its variance between particles"
    text += "."
    if shell is not None and shell.p < SHELL_P:
        side = "above" if shell.contrast > 0 else "below"
        text += f" The rim of the particles lies {abs(shell.contrast):.2g} {side} their core."
    return text


def card_warnings(
    sample: Sample,
    spread: NoiseCorrectedSpread,
    made: BootstrapResult,
    shares: VarianceShares | None,
    projection: bool,
    checks: list[CardCheck],
) -> list[str]:
    """What a reader must know before using the numbers."""
    found = []
    failed = {check.name: check for check in checks if check.outcome == CAUTION}
    if projection and len(sample.shape) == 2:
        found.append(
            "This is a projection through the sample: a particle with a sharp core and shell looks "
            "intermediate, and the spread within particles is a lower limit."
        )
    if np.isnan(spread.noise):
        found.append("The map carries no standard uncertainty: noise and heterogeneity are mixed.")
    if "noise" in failed:
        found.append(
            f"The sources of the noise disagree ({failed['noise'].detail}): what is left after it "
            "is taken out depends on which one is right."
        )
    if made.draws and np.isnan(made.mean.std):
        found.append(
            f"Only {made.n_units} independent unit{'s' if made.n_units > 1 else ''} ({made.unit}): "
            "no confidence interval."
        )
    if shares is not None and shares.n_groups < 10:
        found.append(
            f"Only {shares.n_groups} particles: the shares of the variance are rough."
            if shares.n_groups > 1
            else "There is one particle: nothing can be said of the variance between particles."
        )
    if "rim" in failed:
        found.append(f"The rim of the particles {failed['rim'].detail}.")
    for name, words in (
        ("saturation", "pixels are saturated or clipped and were left out"),
        ("calibration", "pixels lie outside the calibrated range and were left out"),
    ):
        if name in failed:
            found.append(f"{failed[name].detail.split()[0]} {words}.")
    if "clipping" in failed:
        found.append(f"Many pixels sit at a bound of the fit ({failed['clipping'].detail}).")
    return found
