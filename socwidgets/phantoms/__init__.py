"""Forward models with known truth, and the instruments that look at them."""

from socwidgets.phantoms.catalog import (
    KINDS,
    default_instrument,
    make_phantom,
    phantom_params,
    simulate,
)
from socwidgets.phantoms.direct import (
    MapInstrument,
    VoxelInstrument,
    simulate_map,
    simulate_voxels,
)
from socwidgets.phantoms.ensemble import lfp_ensemble
from socwidgets.phantoms.expected import expected_soc_std, registered_truth
from socwidgets.phantoms.fields import gaussian_field
from socwidgets.phantoms.instrument import StxmInstrument, resolved_truth, simulate_stxm
from socwidgets.phantoms.phantom import EnsembleParams, Phantom
from socwidgets.phantoms.row_energy import Xafs2dInstrument, simulate_xafs2d
from socwidgets.phantoms.spectra import fe_l3_references, reference_spectrum
from socwidgets.phantoms.txm import TxmInstrument, simulate_txm
from socwidgets.phantoms.xanes_references import xanes_energies, xanes_references

__all__ = [
    "KINDS",
    "EnsembleParams",
    "MapInstrument",
    "Phantom",
    "StxmInstrument",
    "TxmInstrument",
    "VoxelInstrument",
    "Xafs2dInstrument",
    "default_instrument",
    "expected_soc_std",
    "fe_l3_references",
    "gaussian_field",
    "lfp_ensemble",
    "make_phantom",
    "phantom_params",
    "reference_spectrum",
    "registered_truth",
    "resolved_truth",
    "simulate",
    "simulate_map",
    "simulate_stxm",
    "simulate_txm",
    "simulate_voxels",
    "simulate_xafs2d",
    "xanes_energies",
    "xanes_references",
]
