"""Plans of fewer energies, tried on the scan that is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from socwidgets.analysis.energy_model import EnergyPlanParameters
from socwidgets.jobs import Work, abandonable
from socwidgets.model.names import COMPONENT, SIGNAL, SIGNAL_STD, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.session.workflow.code import Call, Name, call_text, changed
from socwidgets.session.workflow.made import STACKS, Made
from socwidgets.session.workflow.step import Choice, Step

_EDGE, _ALL = "edge", "all"
#: How many numbers of energies are tried if none are named.
_USUAL = 6


def _planned(name: str) -> Any:
    """A field as `EnergyPlanParameters` has it."""
    spec: Field[Any] = EnergyPlanParameters.__dataclass_fields__[name]
    return field(default=spec.default, metadata=spec.metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanParameters(Parameters):
    """Which numbers of energies are tried; noise, thickness and compositions are the scan's."""

    numbers: tuple[int, ...] = param(
        (), "Numbers of energies to try, separated by commas; empty: some from few to all.", low=2
    )
    required: tuple[float, ...] = param(
        (), "Energies that every plan must have, such as one before the edge.", unit="axis units"
    )
    jitter: float = _planned("jitter")
    charged: str = _planned("charged")
    background_degree: int = _planned("background_degree")
    background_law: str = _planned("background_law")
    sum_to_one: bool = _planned("sum_to_one")
    criterion: str = _planned("criterion")
    low: float | None = _planned("low")
    high: float | None = _planned("high")


class PlanStep(Step):
    """Try which energies would have been enough."""

    name, title, makes, verb = "energy_plan", "Energy plan", "tried", "Try plans"
    help = (
        "For the next scan: how well would fewer energies do? Each plan is fitted to this scan, "
        "and its map compared with that of all energies. Other results stay as they are."
    )

    needs = (*STACKS, "references", "pixels")

    def problem(self, flow: Made) -> str:
        """References and a known noise are needed."""
        if "open" not in flow.products:
            return "Open a file first."
        if "references" not in flow.products:
            return "Read reference spectra first."
        if SIGNAL_STD not in flow.stack_before(self.name)[1]:
            return "The noise must be known: convert counts to optical density with noise poisson."
        return ""

    def inputs(self, flow: Made) -> dict[str, Choice]:
        """Which pixels."""
        pixels = [("with enough signal", _EDGE)] if "pixels" in flow.products else []
        words = "Pixels whose maps are compared."
        return {"pixels": Choice("Pixels", words, (*pixels, ("all", _ALL)))}

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Numbers and what is planned for."""
        return PlanParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Plan, fit and compare."""
        from socwidgets.analysis.energy_trial import try_energies

        stack, references = flow.stack_before(self.name)[1], flow.products["references"]
        mask = flow.products["pixels"]["mask"] if self._masked(flow, inputs) else None
        options = {**params, "numbers": self._numbers(flow, params)}
        return abandonable(try_energies, stack, references, mask=mask, **options)

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``tried = try_energies(od, references, ...)``."""
        options = changed(PlanParameters, params)
        options["numbers"] = self._numbers(flow, params)
        if self._masked(flow, inputs):
            options["mask"] = Name('jumps["mask"]')
        source = Name(flow.stack_before(self.name)[0])
        line = call_text("tried", "try_energies", source, Name("references"), **options)
        return Call((line, "tried"), ("from socwidgets.analysis.energy_trial import try_energies",))

    def _masked(self, flow: Made, inputs: Mapping[str, str]) -> bool:
        return inputs["pixels"] == _EDGE and "pixels" in flow.products

    def _numbers(self, flow: Made, params: Mapping[str, Any]) -> tuple[int, ...]:
        """Those asked for, or some from the fewest that a fit needs to all."""
        if params["numbers"]:
            return tuple(params["numbers"])
        stack, references = flow.stack_before(self.name)[1], flow.products["references"]
        axis = stack[spectral_dim(stack[SIGNAL])].values
        low = -np.inf if params["low"] is None else params["low"]
        high = np.inf if params["high"] is None else params["high"]
        most = int(np.count_nonzero((axis >= low) & (axis <= high)))
        unknowns = references.sizes[COMPONENT] + params["background_degree"] + 1
        return usual_numbers(unknowns - params["sum_to_one"] + 1, most)

    def said(self, result: pd.DataFrame) -> str:
        """What all energies give."""
        attrs = result.attrs
        words = f"{attrs['n_pixels']:,} pixels; all energies: σ {attrs['sigma_all']:.3g}"
        return f"{words}, reduced χ² {attrs['redchi']:.2f}"

    def notes(self, result: pd.DataFrame) -> list[str]:
        """Doubts about the references, which no plan for noise knows."""
        redchi = float(result.attrs["redchi"])
        if redchi < 1.5:
            return []
        return [
            f"The references miss the spectra by more than the noise (reduced χ² {redchi:.1f}): "
            "few energies then scatter and shift more than the plan promises. Go by the scatter "
            "that was found, and check the energy axis first."
        ]


def usual_numbers(least: int, most: int) -> tuple[int, ...]:
    """Some numbers from the fewest energies that work to all, closer where they are few."""
    if most <= least:
        return (max(most, 2),)
    steps = np.geomspace(least, most, _USUAL).round().astype(int)
    return tuple(int(n) for n in np.unique(steps))
