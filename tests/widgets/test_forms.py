"""Forms made from parameter dataclasses."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets
import pytest

from socwidgets.analysis.lcf import LcfParameters
from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import Parameters, param
from socwidgets.widgets.forms import ParameterForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Example(Parameters):
    """Every kind of field."""

    word: str = param("red", "A color.", choices=("red", "blue"))
    flag: bool = param(True, "A switch.")
    few: int = param(1, "Few.", low=-1, high=2)
    many: int = param(40, "Many.", low=0, high=100)
    number: float = param(0.5, "A number.", unit="eV", low=0.0)
    maybe: float | None = param(None, "A number or nothing.")
    pair: tuple[float, float] = param((1.0, 2.0), "Two.")


@pytest.mark.parametrize("kind", [Example, LcfParameters])
def test_defaults_come_back(kind):
    assert ParameterForm(kind).values() == kind().to_dict()


def test_values_go_in_and_come_out_checked():
    form = ParameterForm(Example)
    wanted = {"word": "blue", "flag": False, "few": -1, "many": 7, "number": 2.0, "maybe": 3.5,
              "pair": (4.0, 5.0)}  # fmt: skip
    form.set_values(wanted)
    assert form.values() == wanted
    form.controls["maybe"].value = "x"
    with pytest.raises(ParameterError, match="maybe"):
        form.values()
    form.controls["maybe"].value = ""
    form.controls["number"].value = -1.0
    with pytest.raises(ParameterError, match="number"):
        form.values()


def test_units_and_help_are_in_the_tooltip():
    form = ParameterForm(Example)
    assert form.controls["number"].tooltip == "A number. (eV)"
    assert isinstance(form.controls["word"], ipywidgets.Dropdown)
