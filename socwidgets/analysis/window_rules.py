"""Where a normalization looks if nobody says so (science: background and normalization).

All energies are relative to E0, in eV. What scans that end early make of these rules was measured
(tests/studies/short_scans.py).
"""

from __future__ import annotations

import math

#: The windows of imaging; Larch's are far wider.
PRE_WINDOW = (-100.0, -20.0)
POST_START = 40.0
#: A scan that ends before this is short: a line through its post-edge follows an oscillation. That
#: is so up to 150 eV, but from 120 eV on there are published energies by the line from +40 (G-13).
SHORT_SCAN = 120.0

#: Above this energy an edge has a step (the K edges of batteries); below, it is a peak and little
#: else.
K_EDGES_EV = 2000.0
#: A scan that begins here knows the slope before the edge well enough to be carried beyond it.
_KNOWN_SLOPE = -40.0
#: Exponent with which the absorption of a shell falls beyond its edge: 2.35 to 2.40 for the K edges
#: of Mn to Ni, once the line before the edge is taken off (tables of Elam et al. 2002, Radiat.
#: Phys. Chem. 63, 121).
SHELL_EXPONENT = 2.4

#: Larch's rules: a post-edge from a third of the way, at most from here; a constant below a width.
_LARCH_START, _LARCH_LINE = 25.0, 30.0


def ends_early(end: float) -> bool:
    """Whether a scan to here has a post-edge, but a short one."""
    return POST_START <= end < SHORT_SCAN


def follows_shell(first_ev: float, start: float, end: float) -> bool:
    """Whether the curve beyond the edge of a scan from here falls as the shell's absorption does.

    In a scan of a K edge that ends early, and whose slope before the edge is known: the background
    then has no slope of its own left, and one amplitude is all that its post-edge can tell.
    Elsewhere the curve is a polynomial, which takes an error of that slope up.
    """
    return first_ev > K_EDGES_EV and ends_early(end) and start <= _KNOWN_SLOPE


def pre_window(start: float) -> tuple[float, float]:
    """Pre-edge window of a scan that begins here.

    It ends at -20; where the scan begins between -40 and -20, halfway to the edge, because a line
    through the few points before -20 is hardly known at the edge.
    """
    low, high = PRE_WINDOW
    return (low, 0.5 * start) if 2.0 * high < start < high else (low, high)


def post_window(end: float) -> tuple[float, float]:
    """Post-edge window of a scan that ends here.

    It begins at +40; in a scan that ends early a third of the way, at most at +25, as Larch's
    does: it has to hold a whole oscillation beyond the edge.
    """
    return (min(_LARCH_START, end / 3.0) if ends_early(end) else POST_START), math.inf


def post_degree(points: int, low: float, end: float) -> int:
    """Degree of a polynomial through so many points of a post-edge window that begins at `low`.

    1; 0 with less than four points and, as Larch has it, over less than 30 eV of a short scan.
    """
    narrow = ends_early(end) and end - low < _LARCH_LINE
    return 0 if points < 4 or narrow else 1
