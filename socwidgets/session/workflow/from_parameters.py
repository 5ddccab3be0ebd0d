"""From the parameters of a report to what it shows: its steps, done here and now."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import xarray as xr

from socwidgets.analysis.methods import get_method
from socwidgets.analysis.quality import reject_poor_fits
from socwidgets.jobs import JobRunner
from socwidgets.model.errors import ParameterError
from socwidgets.model.names import DARK, FLAT, I0, QUANTITY, SIGNAL, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.references import shift_references
from socwidgets.phantoms.by_name import PHANTOM_PREFIX, simulated_scan
from socwidgets.session.workflow.flow import Workflow
from socwidgets.session.workflow.report_inputs import STEP_OF

#: Steps that follow the optical density, in their order.
_AFTER = ("i0_offset", "pixels", "method")
#: What a fit of a report does where its parameters say nothing.
_FIT = {"constraint": "non_negative", "background_degree": 1}
#: How much a name must look like one that is used here to be taken for a slip of the pen: a report
#: has many more parameters (of its words, of its card), and those change nothing here.
_ALIKE = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewParameters(Parameters):
    """Parameters of a report that belong to no step of the workflow, by the reports' names."""

    pixel_um: float | None = param(None, "Pixel size, if the file's is wrong.", unit="um")
    energy_shift: float = param(0.0, "Added to the energies of the references.", unit="eV")
    r_max: float | None = param(None, "Largest R-factor that is kept; empty for any.")
    color_limits: tuple[float, float] | None = param(None, "Ends of the color scale of the map.")
    energy_shown: float | None = param(None, "Energy of the frame that is shown.", unit="eV")
    seed: int = param(0, "Seed of a simulated stack.", low=0)

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> ViewParameters:
        """Those of a report's parameters, which may be text."""
        names = {spec.name for spec in fields(cls)}
        return cls.from_mapping({k: v for k, v in parameters.items() if k in names})


@dataclass(frozen=True, slots=True)
class Shown:
    """What a report of these parameters shows.

    Attributes
    ----------
    stack : xarray.Dataset
        Prepared optical density.
    maps : xarray.Dataset
        With ``soc``.
    references : xarray.DataArray
        ``(component, spectral)``.
    """

    stack: xr.Dataset
    maps: xr.Dataset
    references: xr.DataArray


def shown_by(parameters: Mapping[str, Any]) -> Shown:
    """Do the steps of a report of one stack.

    Parameters
    ----------
    parameters : mapping
        As in a parameter file or in ``results.json``; what is left out has its default. Relative
        file names start in the working folder.

    Raises
    ------
    ParameterError
        If they name no stack or no references, or a name is misspelled; also for values of the
        wrong kind.
    ReadError, DataError
        As the steps do.
    """
    if not str(parameters.get("stack") or "").strip():
        raise ParameterError(
            "the parameters name no stack to explore",
            expected="stack: FILE (a report of one stack)",
            found=", ".join(map(str, parameters)) or "no parameters",
            fix="open one of the scans of a series or a comparison by parameters of its own",
        )
    _refuse_slips(parameters)
    view = ViewParameters.of(parameters)
    flow = Workflow(JobRunner(inline=True))
    try:
        flow.take(*_inputs(parameters, view))
        if flow.step("optical_density").inputs(flow):  # counts
            _do(flow, "optical_density", {})
        how = str(parameters.get("registration") or "auto")
        if how != "off":
            _do(flow, "registration", {"threshold_px": 0.0} if how == "always" else {})
        for name in _AFTER:
            _do(flow, name, _options(name, parameters))
        by = parameters.get("charged")
        _do(flow, "calibration", {}, {"by": str(by)} if by else {})
        maps = reject_poor_fits(flow.products["calibration"], view.r_max)
        fit = flow.products["method"]
        rest = {name: fit[name] for name in fit.data_vars if name not in maps}
        stack = flow.stack_before("method")[1]
        return Shown(stack, maps.assign(rest), flow.products["references"])
    finally:
        flow.close()


def _refuse_slips(parameters: Mapping[str, Any]) -> None:
    """Refuse a misspelled name: what it should change would silently stay as it was."""
    used = {*STEP_OF, *(spec.name for spec in fields(ViewParameters)), "registration", FLAT, DARK}
    for name in parameters:
        meant = difflib.get_close_matches(name, used, 1, _ALIKE) if name not in used else []
        if meant:
            raise ParameterError(f"unknown parameter {name!r}", fix=f"did you mean {meant[0]!r}?")


def _inputs(parameters: Mapping[str, Any], view: ViewParameters) -> tuple[xr.Dataset, xr.DataArray]:
    """Stack (optical density, where a flat or dark file is named) and references."""
    from socwidgets.io import open_references, open_stack

    name, pixel = str(parameters["stack"]), view.pixel_um
    references = None
    if name.startswith(PHANTOM_PREFIX):
        phantom, stack = simulated_scan(name, seed=view.seed, pixel_um=pixel)
        references = phantom.references
    else:
        options: dict[str, Any] = {} if pixel is None else {"pixel_um": pixel}
        stack = open_stack(name, **options)
    files = str(parameters.get("references") or "")
    if files.strip():
        references = open_references(files, dim=spectral_dim(stack[SIGNAL]))
    if references is None:
        raise ParameterError(
            "the parameters name no reference spectra",
            expected="references: name=file,name=file, discharged first",
        )
    if view.energy_shift:
        references = shift_references(references, view.energy_shift)
    return _with_flats(stack, parameters), references


def _with_flats(stack: xr.Dataset, parameters: Mapping[str, Any]) -> xr.Dataset:
    from socwidgets.analysis.optical_density import optical_density
    from socwidgets.io.open_beam import read_open_beam

    if stack.attrs.get(QUANTITY) in ("optical_density", "normalized"):
        return stack.drop_vars([I0, DARK, FLAT], errors="ignore")
    flat, dark = read_open_beam(parameters.get(FLAT), parameters.get(DARK))
    return stack if flat is None and dark is None else optical_density(stack, flat=flat, dark=dark)


def _options(step: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a step from those of a report; the windows of the edge belong to two steps."""
    found: dict[str, Any] = dict(_FIT) if step == "method" else {}
    for name, (owner, key) in STEP_OF.items():
        if parameters.get(name) is not None and (owner == step or (step, owner) == _SHARED):
            found[key] = parameters[name]
    return found


#: The offset is measured in the windows of the edge jump.
_SHARED = ("i0_offset", "pixels")


def _do(
    flow: Workflow, name: str, params: Mapping[str, Any], inputs: Mapping[str, str] | None = None
) -> None:
    step = flow.step(name)
    chosen = {"method": "lcf"} if name == "method" else dict(inputs or {})
    if name == "calibration":
        known = {"by"}
    else:
        kind: Any = get_method("lcf").parameters if name == "method" else step.kind(flow, {})
        known = {spec.name for spec in fields(kind)}
    job = flow.start(name, chosen, {k: v for k, v in params.items() if k in known})
    if job.error is not None:
        raise job.error
