"""Steps that read: a stack and reference spectra."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from socwidgets.jobs import Work, abandonable
from socwidgets.model.errors import ParameterError
from socwidgets.model.names import QUANTITY, SIGNAL
from socwidgets.model.parameters import Parameters, param
from socwidgets.session.session import Session
from socwidgets.session.workflow.code import Call, call_text
from socwidgets.session.workflow.made import Made
from socwidgets.session.workflow.step import Step

_SOC = "import socwidgets as soc"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenParameters(Parameters):
    """What is opened, and how."""

    path: str = param("", "File or folder with the stack.")
    options: str = param(
        "", "Options of the format, such as pixel_um=0.03, lazy=True; usually none are needed."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceParameters(Parameters):
    """Where the reference spectra are."""

    files: str = param(
        "", "Files separated by commas, discharged first; a name and = before one gives its name."
    )


def read_options(text: str) -> dict[str, Any]:
    """Read ``"pixel_um=0.03, energies='list.txt'"`` as keywords.

    Raises
    ------
    ParameterError
        If it is anything else.
    """
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("no keywords")
        if call.args or _spread(call):
            raise ValueError("only name=value")
        return {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ParameterError(
            "the options cannot be read",
            expected="name=value, name=value, with text in quotes",
            found=f"{text} ({error})",
        ) from None


def _spread(call: ast.Call) -> bool:
    return any(keyword.arg is None for keyword in call.keywords)


class OpenStep(Step):
    """Read a stack."""

    name, title, makes, verb = "open", "Open", "stack", "Open"
    help = "Read an image stack: any format that socwidgets knows, found by its content."

    def problem(self, flow: Made) -> str:
        """Nothing stands in the way."""
        return ""

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Path and options."""
        return OpenParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Read the file."""
        from socwidgets.io import open_stack

        if not params["path"].strip():
            raise ParameterError("no file is chosen", fix="choose a file or a folder")
        return abandonable(open_stack, params["path"], **read_options(params["options"]))

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``stack = soc.open_stack(...)``."""
        options = read_options(params["options"])
        return Call((call_text("stack", "soc.open_stack", params["path"], **options),), (_SOC,))

    def accept(self, flow: Made, result: xr.Dataset) -> None:
        """A new stack brings a new session; the references stay."""
        references = flow.products.get("references")
        session = Session(result, references=references)
        old, flow.session = flow.session, session
        if old is not None:
            old.close()

    def said(self, result: xr.Dataset) -> str:
        """Size of the stack."""
        sizes = " × ".join(str(size) for size in result[SIGNAL].shape)
        words = str(result.attrs.get(QUANTITY, "signal")).replace("_", " ")
        return f"{sizes} ({', '.join(map(str, result[SIGNAL].dims))}), {words}"


class ReferenceStep(Step):
    """Read reference spectra."""

    name, title, makes, verb = "references", "References", "references", "Read"
    help = "Spectra of the end members, discharged first, for linear combination fits."

    def problem(self, flow: Made) -> str:
        """Nothing stands in the way."""
        return ""

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Files."""
        return ReferenceParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Read the files."""
        from socwidgets.io import open_references

        if not params["files"].strip():
            raise ParameterError("no file is chosen", fix="add files of reference spectra")
        return abandonable(open_references, params["files"])

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``references = soc.open_references(...)``."""
        return Call((call_text("references", "soc.open_references", params["files"]),), (_SOC,))

    def accept(self, flow: Made, result: xr.DataArray) -> None:
        """The session fits with them from now on."""
        if flow.session is not None:
            flow.session.set_references(result)

    def said(self, result: xr.DataArray) -> str:
        """Names of the spectra."""
        return ", ".join(str(name) for name in result["component"].values)
