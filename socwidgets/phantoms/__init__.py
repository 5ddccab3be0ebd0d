"""Forward models with known truth, and the instrument that looks at them."""

from socwidgets.phantoms.ensemble import lfp_ensemble
from socwidgets.phantoms.expected import expected_soc_std, registered_truth
from socwidgets.phantoms.instrument import StxmInstrument, resolved_truth, simulate_stxm
from socwidgets.phantoms.phantom import EnsembleParams, Phantom
from socwidgets.phantoms.spectra import fe_l3_references, reference_spectrum

__all__ = [
    "EnsembleParams",
    "Phantom",
    "StxmInstrument",
    "expected_soc_std",
    "fe_l3_references",
    "lfp_ensemble",
    "reference_spectrum",
    "registered_truth",
    "resolved_truth",
    "simulate_stxm",
]
