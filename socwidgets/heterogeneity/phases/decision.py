"""From numbers to a word: core-shell, domino, mosaic, solid solution, or undetermined."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from socwidgets.model.parameters import Parameters, param


class PhaseState(enum.StrEnum):
    """What one particle is."""

    CORE_SHELL = "core_shell"
    DOMINO = "domino"
    MOSAIC = "mosaic"
    SOLID_SOLUTION = "solid_solution"
    END_MEMBER = "end_member"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionParameters(Parameters):
    """Thresholds of the decision table; ours, calibrated on phantoms."""

    min_contrast: float = param(
        2.0, "Half the distance between the end members over the noise of a pixel: below it "
        "nothing is decided.", low=0.0,
    )  # fmt: skip
    min_pixels: int = param(60, "Pixels below which nothing is decided.", low=1)
    end_member: float = param(
        0.05, "Mean compositions this near to an end are an end member, if uniform.",
        low=0.0, high=0.5,
    )  # fmt: skip
    min_phase: float = param(
        0.05, "Share that the rarer phase must have to count as a second phase.", low=0.0, high=0.5
    )
    max_intermediate: float = param(
        0.5, "Intermediate fraction below which two phases are present.", low=0.0, high=1.0
    )
    min_intermediate: float = param(
        0.6, "Intermediate fraction above which a solid solution is possible.", low=0.0, high=1.0
    )
    min_separation: float = param(2.0, "Ashman's D of two phases.", low=0.0)
    core_contact: float = param(
        0.85, "Share of the surface under one phase from which contact is one-sided.",
        low=0.5, high=1.0,
    )  # fmt: skip
    core_anisotropy: float = param(
        0.4, "Anisotropy of the front below which it goes all around.", low=0.0, high=1.0
    )
    domino_anisotropy: float = param(
        0.6, "Anisotropy of the front above which it is planar.", low=0.0, high=1.0
    )
    mosaic_domains: int = param(4, "Domains from which it is a mosaic.", low=2)
    min_uniformity: float = param(
        0.6, "Uniformity coefficient of a solid solution.", low=0.0, high=1.0
    )


@dataclass(frozen=True, slots=True)
class PhaseNumbers:
    """What the decision looks at, for one particle.

    Attributes
    ----------
    n_pixels : int
        Pixels with a value.
    contrast : float
        Half the distance between the ends over the noise.
    mean : float
        Mean composition, rescaled to the ends.
    poor, rich, intermediate : float
        From `phase_shares`.
    components : int
        Gaussians that BIC chooses.
    separation : float
        Ashman's D of the two heaviest.
    uniformity : float
        Uniformity coefficient; NaN near the ends.
    n_domains : int
        Domains.
    contact, anisotropy : float
        From `front_geometry`.
    """

    n_pixels: int
    contrast: float
    mean: float
    poor: float
    rich: float
    intermediate: float
    components: int
    separation: float
    uniformity: float
    n_domains: int
    contact: float
    anisotropy: float


def decide(
    numbers: PhaseNumbers, params: DecisionParameters | None = None
) -> tuple[PhaseState, str]:
    """Apply the decision table.

    Parameters
    ----------
    numbers : PhaseNumbers
        Of one particle.
    params : DecisionParameters, optional
        Thresholds.

    Returns
    -------
    state : PhaseState
        ``undetermined`` where the numbers fit no row of the table, or are not good enough.
    reason : str
        Which rule decided.
    """
    p, n = params or DecisionParameters(), numbers
    if n.n_pixels < p.min_pixels:
        return PhaseState.UNDETERMINED, f"fewer than {p.min_pixels} pixels"
    if not n.contrast >= p.min_contrast:
        return PhaseState.UNDETERMINED, "the noise is as large as the difference of the phases"
    rarer = min(n.poor, n.rich)
    near_end = min(n.mean, 1.0 - n.mean) < p.end_member
    if near_end and rarer < p.min_phase:
        return PhaseState.END_MEMBER, "mean composition at an end, no second phase"
    two_phase = (
        n.intermediate < p.max_intermediate
        and rarer >= p.min_phase
        and n.components > 1
        and n.separation > p.min_separation
    )
    if two_phase:
        return _arrangement(n, p)
    uniform = n.components == 1 or not n.separation > p.min_separation
    if uniform and n.intermediate > p.min_intermediate and n.uniformity >= p.min_uniformity:
        return PhaseState.SOLID_SOLUTION, "one peak between the ends, little spread"
    return PhaseState.UNDETERMINED, "neither two clear phases nor one narrow peak"


def _arrangement(n: PhaseNumbers, p: DecisionParameters) -> tuple[PhaseState, str]:
    if n.n_domains >= p.mosaic_domains:
        return PhaseState.MOSAIC, f"{n.n_domains} domains"
    if n.n_domains == 2 or n.n_domains == 3:
        if n.contact >= p.core_contact and n.anisotropy < p.core_anisotropy:
            return PhaseState.CORE_SHELL, "one phase covers the surface, front all around"
        if n.contact < p.core_contact and n.anisotropy > p.domino_anisotropy:
            return PhaseState.DOMINO, "both phases reach the surface, planar front"
    return PhaseState.UNDETERMINED, "two phases, but neither around a core nor along a plane"
