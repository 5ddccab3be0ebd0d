"""A form made from a parameter dataclass: one labelled control per field."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

import ipywidgets

from socwidgets.model.parameters import Parameters

_STYLE = {"description_width": "initial"}
_LAYOUT = {"width": "auto", "max_width": "300px"}
#: Units as a person writes them, and the ends of field names that repeat them.
_UNIT_WORDS = {"um": "µm", "um^2": "µm²", "cm-1": "cm⁻¹"}
_UNIT_ENDS = {"um": "_um", "um^2": "_um2", "px": "_px", "eV": "_ev"}
#: Whole numbers with at most this many values become a choice.
_FEW = 8


class ParameterForm:
    """Controls for all fields of a `Parameters` class; bounds, units and help come with them.

    It is no widget itself: a view arranges the controls as it likes, and owns them.

    Parameters
    ----------
    kind : type
        The dataclass.
    layout : mapping, optional
        CSS of each control.

    Attributes
    ----------
    controls : dict of str to Widget
        By field.
    """

    def __init__(self, kind: type[Parameters], layout: Mapping[str, str] | None = None) -> None:
        self.kind = kind
        hints = typing.get_type_hints(kind)
        specs = dataclasses.fields(kind)  # type: ignore[arg-type]
        self.controls = {
            spec.name: _control(spec, hints[spec.name], layout or _LAYOUT) for spec in specs
        }

    def values(self) -> dict[str, Any]:
        """What the controls say, checked by the dataclass.

        Raises
        ------
        ParameterError
            If a value does not fit.
        """
        given = {name: control.value for name, control in self.controls.items()}
        return self.kind.from_mapping(given).to_dict()

    def set_values(self, values: dict[str, Any]) -> None:
        """Show these values."""
        for name, value in values.items():
            control = self.controls[name]
            control.value = _text(value) if isinstance(control, ipywidgets.Text) else value


def _control(spec: dataclasses.Field[Any], hint: Any, layout: Mapping[str, str]) -> Any:
    meta = spec.metadata
    unit = f" ({meta['unit']})" if meta.get("unit") else ""
    words = str(
        meta.get("label")
        or spec.name.removesuffix(_UNIT_ENDS.get(str(meta.get("unit")), ""))
        .replace("_", " ")
        .capitalize()
    )
    shown = _UNIT_WORDS.get(str(meta.get("unit")), meta.get("unit"))
    common = {
        "description": f"{words} ({shown})" if meta.get("unit") else words,
        "tooltip": f"{meta.get('help', '')}{unit}",
        "style": _STYLE,
        "layout": dict(layout),
    }
    if meta.get("choices"):
        options = [(choice.replace("_", " "), choice) for choice in meta["choices"]]
        return ipywidgets.Dropdown(options=options, value=spec.default, **common)
    optional = isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)
    low, high = meta.get("low"), meta.get("high")
    if hint is bool:
        return ipywidgets.Checkbox(value=spec.default, indent=False, **common)
    if hint is int and low is not None and high is not None and high - low < _FEW:
        options = [(str(n), n) for n in range(int(low), int(high) + 1)]
        return ipywidgets.Dropdown(options=options, value=spec.default, **common)
    if hint is int and not optional:
        return ipywidgets.IntText(value=spec.default, **common)
    if hint is float and not optional:
        return ipywidgets.FloatText(value=spec.default, **common)
    # Tuples and numbers that may be left out are written; the dataclass reads the text.
    empty = "" if hint is str else "automatic"
    return ipywidgets.Text(
        value=_text(spec.default), placeholder=empty, continuous_update=False, **common
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (tuple, list)):
        return ", ".join(str(item) for item in value)
    return str(value)
