"""Where a normalization looks if nobody says so (science: background and normalization).

All energies are relative to E0, in eV.
"""

from __future__ import annotations

import math

#: The windows of imaging; Larch's are far wider.
PRE_WINDOW = (-100.0, -20.0)
POST_START = 40.0
#: A scan that ends before this is short: windows and E0 are placed as Larch does, and energies that
#: hang on the curve beyond the edge are in doubt (tests/studies/short_scans.py).
SHORT_SCAN = 100.0

#: Larch's rules: a post-edge from a third of the way, at most from here; a constant below a width.
_LARCH_START, _LARCH_LINE = 25.0, 30.0


def ends_early(end: float) -> bool:
    """Whether a scan to here has a post-edge, but a short one."""
    return POST_START <= end < SHORT_SCAN


def pre_window(start: float) -> tuple[float, float]:
    """Pre-edge window of a scan that begins here.

    It ends at -20; where the scan begins between -40 and -20, halfway to the edge, because a line
    through the few points before -20 is hardly known at the edge.
    """
    low, high = PRE_WINDOW
    return (low, 0.5 * start) if 2.0 * high < start < high else (low, high)


def post_window(end: float) -> tuple[float, float]:
    """Post-edge window of a scan that ends here.

    It begins at +40. In a scan that ends early it begins a third of the way, at most at +25, as
    Larch's does: it has to hold a whole oscillation beyond the edge.
    """
    return (min(_LARCH_START, end / 3.0) if ends_early(end) else POST_START), math.inf


def post_degree(points: int, low: float, end: float) -> int:
    """Degree of the post-edge curve through so many points of a window that begins at `low`.

    1; 0 with less than four points and, as Larch has it, over less than 30 eV of a short scan.
    """
    narrow = ends_early(end) and end - low < _LARCH_LINE
    return 0 if points < 4 or narrow else 1
