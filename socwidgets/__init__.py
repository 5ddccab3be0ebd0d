"""State-of-charge maps of battery cathodes, and how heterogeneous they really are.

The names below are the public face; everything else is one module down. They are loaded when they
are first used, so ``import socwidgets`` stays fast and compiles and draws nothing.

>>> import socwidgets as soc
>>> sorted(soc.__all__)[:3]
['__version__', 'edge_jump', 'explore']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from socwidgets import phantoms
    from socwidgets.analysis.calibration import soc_map, two_point
    from socwidgets.analysis.edge_jump import edge_jump
    from socwidgets.analysis.fit import fit_map
    from socwidgets.analysis.optical_density import optical_density
    from socwidgets.analysis.registration import register
    from socwidgets.analysis.segmentation import segment_particles
    from socwidgets.heterogeneity.card import heterogeneity_card
    from socwidgets.io import open_bundle, open_references, open_stack, save_bundle
    from socwidgets.reports import render_report
    from socwidgets.widgets.explorer import explore

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "edge_jump",
    "explore",
    "fit_map",
    "heterogeneity_card",
    "open_bundle",
    "open_references",
    "open_stack",
    "optical_density",
    "phantoms",
    "register",
    "render_report",
    "save_bundle",
    "segment_particles",
    "soc_map",
    "two_point",
]

# Public name -> module that holds it. The block above repeats this for type checkers, which do not
# follow __getattr__; tests/test_top_level.py keeps the two equal.
_HOMES = {
    "edge_jump": "socwidgets.analysis.edge_jump",
    "explore": "socwidgets.widgets.explorer",
    "fit_map": "socwidgets.analysis.fit",
    "heterogeneity_card": "socwidgets.heterogeneity.card",
    "open_bundle": "socwidgets.io",
    "open_references": "socwidgets.io",
    "open_stack": "socwidgets.io",
    "optical_density": "socwidgets.analysis.optical_density",
    "register": "socwidgets.analysis.registration",
    "render_report": "socwidgets.reports",
    "save_bundle": "socwidgets.io",
    "segment_particles": "socwidgets.analysis.segmentation",
    "soc_map": "socwidgets.analysis.calibration",
    "two_point": "socwidgets.analysis.calibration",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    if name == "phantoms":
        return import_module("socwidgets.phantoms")
    if name not in _HOMES:
        raise AttributeError(f"module 'socwidgets' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, whether loaded or not."""
    return sorted({*globals(), *__all__})
