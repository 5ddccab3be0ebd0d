"""Steps that read: a stack and reference spectra."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from socwidgets.analysis.energy_calibration import FOIL_EDGES, OFFSET_ATTR
from socwidgets.jobs import Work, abandonable
from socwidgets.model.errors import ParameterError
from socwidgets.model.names import QUANTITY, SIGNAL, X, Y, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.references import INTERPOLATION, INTERPOLATIONS
from socwidgets.session.session import Session
from socwidgets.session.workflow.code import Call, call_text, changed
from socwidgets.session.workflow.energy_axis import axis_notes, foil_call, moved_by_foil
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
    interpolation: str = param(
        "cubic",
        "How they are put on one grid, and on that of the stack: by a cubic spline, or by straight "
        "lines as Larch and Athena do it. A spline is nearer to coarse spectra with little noise.",
        choices=INTERPOLATIONS,
    )
    foil: str = param(
        "", "File with a metal foil that was measured with them, to put their energies right.",
        label="Their foil",
    )  # fmt: skip
    element: str = param(
        "Ni", "Metal of that foil; nothing happens without a foil.", choices=tuple(FOIL_EDGES),
        label="Its metal",
    )  # fmt: skip


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

    def notes(self, result: xr.Dataset) -> list[str]:
        """What was done to the energies before, and whether lengths are known."""
        notes = axis_notes(result)
        if any(result[dim].attrs.get("units") == "pixel" for dim in (Y, X)):
            notes.append(
                "The file states no pixel size: lengths and areas count pixels. If you know it, "
                "write pixel_um=0.04 (in µm) into Options and open it again."
            )
        if result.attrs.get(OFFSET_ATTR):
            notes.append("That is stored in the file: a foil on the axis as recorded counts twice.")
        return notes


class ReferenceStep(Step):
    """Read reference spectra."""

    name, title, makes, verb = "references", "References", "references", "Read"
    help = "Spectra of the end members, discharged first, for linear combination fits."
    needs = ()

    def problem(self, flow: Made) -> str:
        """Nothing stands in the way."""
        return ""

    def kind(self, flow: Made, inputs: Mapping[str, str]) -> type[Parameters]:
        """Files."""
        return ReferenceParameters

    def work(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Work:
        """Read the files, and put their energies right where there is a foil."""
        from socwidgets.io import open_references

        files, foil, element = params["files"], params["foil"].strip(), params["element"]
        if not files.strip():
            raise ParameterError("no file is chosen", fix="add files of reference spectra")
        options = self._options(flow, params)

        def read() -> xr.DataArray:
            found = open_references(files, **options)
            return moved_by_foil(found, foil, element) if foil else found

        return abandonable(read)

    def _options(self, flow: Made, params: Mapping[str, Any]) -> dict[str, Any]:
        """Keywords of `open_references`: the axis is that of the stack."""
        options = changed(ReferenceParameters, params)
        found = {k: v for k, v in options.items() if k == "interpolation"}
        if "open" in flow.products:
            dim = spectral_dim(flow.products["open"][SIGNAL])
            found |= {} if dim == "energy" else {"dim": dim}
        return found

    def call(self, flow: Made, inputs: Mapping[str, str], params: dict[str, Any]) -> Call:
        """``references = soc.open_references(...)``."""
        options = self._options(flow, params)
        line = call_text("references", "soc.open_references", params["files"], **options)
        if not params["foil"].strip():
            return Call((line,), (_SOC,))
        moved = foil_call("references", "references", params["foil"].strip(), params["element"])
        return Call((line, *moved.lines), (_SOC, *moved.imports))

    def accept(self, flow: Made, result: xr.DataArray) -> None:
        """The session fits with them from now on."""
        if flow.session is not None:
            flow.session.set_references(result)

    def said(self, result: xr.DataArray) -> str:
        """Names of the spectra, and how they are interpolated."""
        names = ", ".join(str(name) for name in result["component"].values)
        how = {"linear": "straight lines between the points", "cubic": "cubic spline"}
        words = how.get(str(result.attrs.get(INTERPOLATION, "cubic")), "")
        return f"{names}; {words}"

    def notes(self, result: xr.DataArray) -> list[str]:
        """What was done to their energies."""
        return axis_notes(result)
