"""The energy axis put right: by a foil, by an offset, or by the angle of the monochromator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from socwidgets.analysis.energy_calibration import (
    FOIL_EDGES,
    LARGEST_OFFSET_EV,
    OFFSET_ATTR,
    Spectral,
    calibrate_energies,
    recalibrate_bragg,
    shift_energies,
)
from socwidgets.jobs import Work, abandonable
from socwidgets.model.errors import ParameterError
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.session.workflow.code import Call, Name, call_text
from socwidgets.session.workflow.made import STACKS, Made, show_stack
from socwidgets.session.workflow.step import Choice, Step

FOIL, OFFSET, BRAGG = "foil", "offset", "bragg"
_MODULE = "socwidgets.analysis.energy_calibration"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoilParameters(Parameters):
    """A metal foil that was measured on the axis of the stack."""

    foil: str = param(
        "",
        "File with the absorption of the foil, on the same axis as the stack; file::column picks "
        "one of several.",
    )
    element: str = param(
        "Ni",
        "Metal of the foil: "
        + ", ".join(f"{name} {edge:.1f} eV" for name, edge in FOIL_EDGES.items())
        + " (X-ray data booklet).",
        choices=tuple(FOIL_EDGES),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetParameters(Parameters):
    """An offset that is known otherwise."""

    offset_ev: float = param(
        0.0, "Added to every energy.", unit="eV", low=-LARGEST_OFFSET_EV, high=LARGEST_OFFSET_EV
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BraggParameters(Parameters):
    """One or two edges, for an axis so long that one offset does not put all of it right."""

    measured_ev: tuple[float, ...] = param(
        (), "One or two edges where the axis has them, separated by a comma.", unit="eV"
    )
    true_ev: tuple[float, ...] = param((), "Where they belong, in the same order.", unit="eV")


_KINDS: dict[str, type[Parameters]] = {
    FOIL: FoilParameters, OFFSET: OffsetParameters, BRAGG: BraggParameters,
}  # fmt: skip


def moved_by_foil(data: Spectral, path: str, element: str) -> Spectral:
    """`calibrate_energies` with the foil of a file."""
    from socwidgets.io.spectra import open_spectrum

    return calibrate_energies(data, open_spectrum(path), element)


def foil_call(target: str, source: str, path: str, element: str) -> Call:
    """Python text of `moved_by_foil`."""
    lines = (
        call_text("foil", "open_spectrum", path),
        call_text(target, "calibrate_energies", Name(source), Name("foil"), element),
    )
    imports = (
        f"from {_MODULE} import calibrate_energies",
        "from socwidgets.io.spectra import open_spectrum",
    )
    return Call(lines, imports)


class EnergyAxisStep(Step):
    """Move the energies of the stack to where they belong."""

    name, title, makes, verb = "energy_axis", "Energy axis", "shifted", "Move the axis"
    help = (
        "Put the photon energies right: by a metal foil measured on the same axis, by an offset, "
        "or by edges of known energy. The offset stays with the stack."
    )
    needs = STACKS

    def problem(self, flow: Made) -> str:
        """Photon energies are needed."""
        if "open" not in flow.products:
            return "Open a file first."
        dim = spectral_dim(flow.products["open"][SIGNAL])
        if dim != "energy":
            words = dim.replace("_", " ")
            return f"Only photon energies are put right here, this axis is {words}: go on."
        return ""

    def inputs(self, flow: Made) -> dict[str, Choice]:
        """How it is known where the energies belong."""
        ways = (
            ("a foil", FOIL), ("an offset", OFFSET), ("edges and the Bragg angle", BRAGG),
        )  # fmt: skip
        return {"by": Choice("Put right by", "How it is known where the energies belong.", ways)}

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Foil, offset or edges."""
        return _KINDS[inputs["by"]]

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Move the axis of the stack as it was opened: done twice, it does not count twice."""
        stack = flow.stack_before(self.name)[1]
        if inputs["by"] == FOIL:
            if not params["foil"].strip():
                raise ParameterError(
                    "no foil is chosen", fix="choose the file with the absorption of the foil"
                )
            return abandonable(moved_by_foil, stack, params["foil"], params["element"])
        if inputs["by"] == OFFSET:
            return abandonable(shift_energies, stack, params["offset_ev"])
        return abandonable(recalibrate_bragg, stack, params["measured_ev"], params["true_ev"])

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``shifted = calibrate_energies(stack, foil, ...)``, or the like."""
        source = flow.stack_before(self.name)[0]
        if inputs["by"] == FOIL:
            return foil_call(self.makes, source, params["foil"], params["element"])
        bragg = inputs["by"] == BRAGG
        name = "recalibrate_bragg" if bragg else "shift_energies"
        values = ("measured_ev", "true_ev") if bragg else ("offset_ev",)
        line = call_text(self.makes, name, Name(source), *(params[key] for key in values))
        return Call((line,), (f"from {_MODULE} import {name}",))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """The session goes on with the energies moved."""
        show_stack(flow, result)

    def said(self, result: xr.Dataset) -> str:
        """Sum of all that was added, and where the axis lies now."""
        energies = result[spectral_dim(result[SIGNAL])].values
        total = float(result.attrs[OFFSET_ATTR])
        return f"Moved by {total:+.3f} eV in all: {energies[0]:.2f} to {energies[-1]:.2f} eV"


def axis_notes(result: xr.Dataset | xr.DataArray) -> list[str]:
    """What was done to the energies of something that was read: a conversion, an offset."""
    found = []
    if result.attrs.get("energy_conversion"):
        found.append(f"Energies: {result.attrs['energy_conversion']}.")
    if result.attrs.get(OFFSET_ATTR):
        found.append(f"Energies moved by {float(result.attrs[OFFSET_ATTR]):+.3f} eV.")
    return found
