"""The contract of all phantoms: `make_phantom` builds a truth, `simulate` measures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import Parameters, unknown_name
from socwidgets.phantoms.direct import (
    MapInstrument,
    VoxelInstrument,
    simulate_map,
    simulate_voxels,
)
from socwidgets.phantoms.instrument import StxmInstrument, simulate_stxm
from socwidgets.phantoms.phantom import Phantom
from socwidgets.phantoms.row_energy import Xafs2dInstrument, simulate_xafs2d
from socwidgets.phantoms.txm import TxmInstrument, simulate_txm
from socwidgets.phantoms.xanes_references import EDGE_EV, xanes_energies


@dataclass(frozen=True, slots=True)
class PhantomKind:
    """One entry of the catalog.

    Attributes
    ----------
    module, function, params : str
        Where it is made, by which function ``(params, seed)``, from which parameter dataclass.
    technique : {"stxm", "txm", "xafs2d", "map"}
        Instrument that `simulate` takes unless told otherwise.
    edge : str
        Absorber of the K edge, for the energies of that instrument.
    figures : str
        Figures of the review it stands for.
    preset : mapping
        Parameters that differ from the dataclass's defaults.
    """

    module: str
    function: str
    params: str
    technique: str
    edge: str = "Ni"
    figures: str = ""
    preset: Mapping[str, Any] = field(default_factory=dict)


_SEQUENTIAL = {"pathway": "sequential_two_phase"}
KINDS: dict[str, PhantomKind] = {
    "lfp_ensemble": PhantomKind("ensemble", "lfp_ensemble", "EnsembleParams", "stxm", "Fe L3"),
    "shrinking_core": PhantomKind("core", "shrinking_core", "CoreParams", "txm", figures="3a,b"),
    "domino": PhantomKind("fronts", "domino_particle", "FrontParams", "txm", figures="3c,d"),
    "facet_front": PhantomKind("fronts", "facet_front", "FacetFrontParams", "txm", figures="3c"),
    "anisotropic_front": PhantomKind(
        "fronts", "anisotropic_front", "FrontParams", "txm", figures="4"
    ),
    "pathway": PhantomKind(
        "pathways", "pathway_particles", "PathwayParams", "stxm", "Fe L3", "5, 17, 25a"
    ),
    "particle_by_particle": PhantomKind(
        "pathways", "pathway_particles", "PathwayParams", "stxm", "Fe L3", "5a", _SEQUENTIAL
    ),
    "concurrent": PhantomKind(
        "pathways", "pathway_particles", "PathwayParams", "stxm", "Fe L3", "5d"
    ),
    "nca_ring": PhantomKind("rings", "ring_particles", "RingParams", "txm", figures="10"),
    "random_nmc": PhantomKind("nmc", "random_nmc", "NmcParams", "txm", figures="9a"),
    "edge_field": PhantomKind("nmc", "edge_field", "EdgeFieldParams", "txm", figures="9b-d"),
    "heating_nmc": PhantomKind("nmc", "heating_nmc", "HeatingParams", "txm", figures="29a"),
    "depth_gradient": PhantomKind(
        "electrode_fields", "depth_gradient", "DepthParams", "map", figures="26"
    ),
    "thick_electrode": PhantomKind(
        "electrode_fields", "thick_electrode", "DepthParams", "map", figures="15f-h",
        preset={"size_px": 12, "lateral_px": 48, "pixel_um": 100.0, "correlation_um": 500.0},
    ),
    "electrode_stack": PhantomKind(
        "electrode_fields", "electrode_stack", "StackParams", "map", figures="1"
    ),
    "contact_loss": PhantomKind("plane", "contact_loss", "ContactParams", "map", figures="20"),
    "reaction_channel": PhantomKind(
        "plane", "reaction_channel", "ChannelParams", "xafs2d", "Fe", "13"
    ),
    "lnmo_three_phase": PhantomKind(
        "multiphase", "lnmo_three_phase", "LnmoParams", "txm", figures="7c,d"
    ),
    "lmo_by_voltage": PhantomKind(
        "multiphase", "lmo_by_voltage", "LmoParams", "txm", "Mn", "6"
    ),
    "lco_domains": PhantomKind("multiphase", "lco_domains", "LcoParams", "txm", "Co", "8g, 27b"),
    "crack_detour": PhantomKind("detour", "crack_detour", "DetourParams", "map", figures="27c"),
    "particle_shape": PhantomKind("crystals", "particle_shape", "ShapeParams", "txm"),
    "facet_particle": PhantomKind(
        "crystals", "facet_particle", "FacetParams", "txm", figures="18"
    ),
    "cracked_particles": PhantomKind(
        "crystals", "cracked_particles", "CrackedParams", "txm", figures="16c"
    ),
}  # fmt: skip


def phantom_params(kind: str) -> Parameters:
    """Parameters of a kind of phantom, at their defaults.

    Raises
    ------
    ParameterError
        If the kind is unknown, with the nearest known one.
    """
    entry = _entry(kind)
    module = import_module(f"socwidgets.phantoms.{entry.module}")
    home = module if hasattr(module, entry.params) else import_module("socwidgets.phantoms.phantom")
    made: Parameters = getattr(home, entry.params).from_mapping(entry.preset)
    return made


def make_phantom(
    kind: str,
    params: Parameters | Mapping[str, Any] | None = None,
    seed: int = 0,
    **changes: Any,
) -> Phantom:
    """Sample with known truth.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    params : Parameters or mapping, optional
        All parameters, or those that differ from the defaults (`phantom_params` lists them).
    seed : int
        Seed of the random generator. The same seed gives the same bytes.
    **changes
        Single parameters to change.

    Returns
    -------
    Phantom
        With ``truth`` (maps), ``numbers`` (analytic truth), ``references`` and, where the sample
        has one, ``volume``.

    Raises
    ------
    ParameterError
        For an unknown kind or parameter, or a value out of bounds.
    """
    entry = _entry(kind)
    chosen = phantom_params(kind)
    if isinstance(params, Parameters):
        chosen = params
    elif params is not None:
        chosen = chosen.replace(**dict(params))
    chosen = chosen.replace(**changes)
    module = import_module(f"socwidgets.phantoms.{entry.module}")
    made: Phantom = getattr(module, entry.function)(chosen, seed)
    return made


Instrument = StxmInstrument | TxmInstrument | Xafs2dInstrument | VoxelInstrument | MapInstrument
_SIMULATORS: dict[type, Any] = {
    StxmInstrument: simulate_stxm,
    TxmInstrument: simulate_txm,
    Xafs2dInstrument: simulate_xafs2d,
    VoxelInstrument: simulate_voxels,
    MapInstrument: simulate_map,
}


def default_instrument(phantom: Phantom, technique: str | None = None) -> Instrument:
    """Instrument that fits a phantom: its technique, the energies of its edge.

    Parameters
    ----------
    phantom : Phantom
        From `make_phantom`.
    technique : {"stxm", "txm", "xafs2d", "voxels", "map"}, optional
        Another one than the catalog's.

    Raises
    ------
    ParameterError
        If the technique is unknown.
    """
    entry = KINDS.get(phantom.kind, KINDS["random_nmc"])
    chosen = technique or entry.technique
    if chosen == "map":
        return MapInstrument()
    if chosen == "stxm":
        return StxmInstrument()
    made = {"txm": TxmInstrument, "xafs2d": Xafs2dInstrument, "voxels": VoxelInstrument}
    if chosen not in made:
        raise ParameterError(
            f"there is no instrument {chosen!r}",
            expected="stxm, txm, xafs2d, voxels or map",
            found=repr(chosen),
        )
    energies = xanes_energies(edge_of(phantom))
    return made[chosen](energies_ev=energies)


def edge_of(phantom: Phantom) -> str:
    """Element whose K edge a phantom's references cover."""
    axis = phantom.references["energy"].values
    middle = float(axis[0] + 150.0)
    return min(EDGE_EV, key=lambda name: abs(EDGE_EV[name] - middle))


def simulate(
    phantom: Phantom, instrument: Instrument | str | None = None, seed: int = 0, **changes: Any
) -> xr.Dataset:
    """Raw data as a beamline would give them: counts with flats and darks, or spectra of voxels.

    Parameters
    ----------
    phantom : Phantom
        The sample.
    instrument : instrument parameters or str, optional
        ``StxmInstrument``, ``TxmInstrument``, ``Xafs2dInstrument``, ``VoxelInstrument`` or
        ``MapInstrument``, or the name of one (``"stxm"``, ``"txm"``, ``"xafs2d"``, ``"voxels"``,
        ``"map"``); the catalog's for this kind if left out.
    seed : int
        Seed of the instrument. The same seeds give the same bytes.
    **changes
        Parameters of the instrument to change.

    Returns
    -------
    xarray.Dataset
        As the simulator of that instrument gives it.
    """
    if instrument is None or isinstance(instrument, str):
        instrument = default_instrument(phantom, instrument)
    made: xr.Dataset = _SIMULATORS[type(instrument)](phantom, instrument, seed, **changes)
    return made


def _entry(kind: str) -> PhantomKind:
    if kind not in KINDS:
        raise unknown_name(f"there is no phantom called {kind!r}", kind, KINDS)
    return KINDS[kind]
