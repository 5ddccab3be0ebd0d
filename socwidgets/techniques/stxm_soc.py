"""State of charge of LiFePO4 from two energies of the Fe L3 edge: their ratio, or polar angle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model import provenance
from socwidgets.model.errors import DataError, ParameterError, ReferenceSpectraError
from socwidgets.model.kinds import KIND
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import SIGNAL, STATUS, VALID, X, Y, spectral_dim, std_name
from socwidgets.model.parameters import param
from socwidgets.model.references import component_names, sound_references
from socwidgets.model.status import Status, warn_if_empty
from socwidgets.techniques.polar import lithiated_fraction, polar_angle
from socwidgets.techniques.two_energies import (
    TwoEnergyParameters,
    reference_densities,
    two_densities,
)

#: Sine of the angle between two references, below which one ratio belongs to every mixture.
_PARALLEL = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class PolarParameters(TwoEnergyParameters):
    """Parameters of the polar-angle method."""

    angles: tuple[float, float] = param(
        (27.48, 65.0),
        "Polar angles of the lithiated and of the delithiated phase (Yu et al. 2018, for "
        "Li0.93FePO4 and Li0.02FePO4; `phase_angles` finds yours).",
        unit="degree",
    )
    x_li: tuple[float, float] = param((0.93, 0.02), "Lithium content of these two phases.")
    length_ratio: float = param(
        1.0, "Length of the delithiated phase's vector over that of the lithiated one.", low=1e-3
    )

    def check(self) -> None:
        """Check that the phases differ."""
        TwoEnergyParameters.check(self)
        if not 0 < self.angles[0] < self.angles[1] < 90:
            raise ParameterError(
                "the angles of the phases are not in order",
                expected="0 < lithiated < delithiated < 90 degrees",
                found=str(self.angles),
            )
        if self.x_li[0] == self.x_li[1]:
            raise ParameterError("both phases have the same lithium content")


def two_energy_soc(
    od: xr.Dataset,
    references: xr.DataArray,
    params: TwoEnergyParameters | None = None,
    *,
    charged: str | None = None,
    **changes: Any,
) -> xr.Dataset:
    """State of charge from the ratio of two optical densities.

    ``x = (b2 - r b1)/((b2 - b1 r) - (a2 - a1 r))`` is the lithiated fraction for the ratio
    ``r = OD(710)/OD(708)``, with a and b the references there. Exact for any
    thickness; three energies are enough.

    Parameters
    ----------
    od : xarray.Dataset
        Optical density ``(..., energy, y, x)``, with ``signal_std`` if there is one.
    references : xarray.DataArray
        ``(component, energy)``, the two phases, measured at the same beamline.
    params : TwoEnergyParameters, optional
        `changes` are laid over them.
    charged : str, optional
        Name of the delithiated reference; the last one if left out.

    Returns
    -------
    xarray.Dataset
        ``soc`` (1 is delithiated), ``ratio``, their ``_std`` and ``status``. Pixels with an optical
        density of zero or less at one of the energies, or too little of it, have no value
        (``low_signal``); nothing is clipped. Without ``signal_std`` the scatter before the edge
        tells the noise (three points), else the ``_std`` are NaN.

    Raises
    ------
    DataError
        If an energy was not measured, or there are not exactly two references.
    ReferenceSpectraError
        If the references do not cover the energies, or have the same ratio there.
    ParameterError
        If `charged` is none of the references.
    """
    chosen = TwoEnergyParameters.merged(params, changes)
    references = sound_references(references)
    delithiated = _delithiated(list(component_names(references)), charged)
    u, v, variances = two_densities(od, chosen)
    ends = reference_densities(references, u.attrs["energies"], chosen)
    a, b = ends[1 - delithiated], ends[delithiated]
    _refuse_parallel(a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        top, drop = b[1] * u - b[0] * v, a[1] * u - a[0] * v
        whole = top - drop
        x = top / whole
        # Both derivatives of x = top / whole.
        by_u = (b[1] - x * (b[1] - a[1])) / whole
        by_v = (-b[0] + x * (b[0] - a[0])) / whole
        ratio = v / u
        ratio_sigma = _propagate(-ratio / u, 1.0 / u, variances)
    maps = {
        "soc": (1.0 - x, _propagate(by_u, by_v, variances)),
        "ratio": (ratio, ratio_sigma),
    }
    result = _as_maps(od, maps, u, v, variances, chosen)
    warn_if_empty(result, "two-energy")
    result.attrs["energies_used"] = u.attrs["energies"]
    called = {**chosen.to_dict(), "charged": charged, "references": references}
    name = "socwidgets.techniques.stxm_soc.two_energy_soc"
    return provenance.record(result, name, called, source=od)


def _delithiated(names: list[str], charged: str | None) -> int:
    """Number of the delithiated one of two references."""
    if len(names) != 2:
        raise DataError(
            "two energies tell two phases apart", expected="two references", found=", ".join(names)
        )
    if charged is None:
        return 1
    if charged not in names:
        raise ParameterError(
            f"there is no reference {charged!r}", expected=f"one of {', '.join(names)}"
        )
    return names.index(charged)


def _refuse_parallel(a: tuple[float, float], b: tuple[float, float]) -> None:
    """Refuse two phases whose densities at both energies are multiples of each other."""
    lengths = float(np.hypot(*a) * np.hypot(*b))
    if not abs(a[0] * b[1] - a[1] * b[0]) > _PARALLEL * lengths:
        raise ReferenceSpectraError(
            "the references have the same ratio at these two energies",
            expected="densities that are no multiples of each other",
            found=f"({a[0]:.4g}, {a[1]:.4g}) and ({b[0]:.4g}, {b[1]:.4g})",
            fix="choose energies where the phases differ",
        )


def polar_soc(od: xr.Dataset, params: PolarParameters | None = None, **changes: Any) -> xr.Dataset:
    """State of charge from the polar angle of two optical densities.

    ``theta = atan2(OD(710.2), OD(708.2))`` (Yu et al. 2018, Nat. Commun. 9, 921). Mixing is linear
    in the optical densities, not in the angle: the fraction is read from the vectors of both
    phases, which is exact if their lengths are known.

    Parameters
    ----------
    od : xarray.Dataset
        Optical density ``(..., energy, y, x)``.
    params : PolarParameters, optional
        `changes` are laid over them.

    Returns
    -------
    xarray.Dataset
        ``angle`` (degree), ``fraction`` (of the lithiated phase), ``x_li``, their ``_std``, and
        ``status``; the rule for pixels without a value is that of `two_energy_soc`.

    Raises
    ------
    DataError
        If an energy was not measured.
    """
    chosen = PolarParameters.merged(params, changes)
    u, v, variances = two_densities(od, chosen)
    angle, by_u, by_v = polar_angle(u, v)
    sigma = _propagate(by_u, by_v, variances)
    fraction, slope = lithiated_fraction(angle, chosen.angles, chosen.length_ratio)
    span = chosen.x_li[0] - chosen.x_li[1]
    maps = {
        "angle": (angle, sigma),
        "fraction": (fraction, abs(slope) * sigma),
        "x_li": (chosen.x_li[1] + span * fraction, abs(span * slope) * sigma),
    }
    result = _as_maps(od, maps, u, v, variances, chosen)
    warn_if_empty(result, "polar-angle")
    result["x_li"].attrs["end_points"] = list(chosen.x_li)
    result.attrs["energies_used"] = u.attrs["energies"]
    name = "socwidgets.techniques.stxm_soc.polar_soc"
    return provenance.record(result, name, chosen, source=od)


def _propagate(by_u: Any, by_v: Any, variances: tuple[Any, Any, Any]) -> xr.DataArray:
    uu, vv, uv = variances
    found: xr.DataArray = (by_u**2 * uu + by_v**2 * vv + 2 * by_u * by_v * uv) ** 0.5
    return found


_DESCRIBED = {
    "soc": ("State of charge", "1", "soc"),
    "ratio": ("Ratio of the optical densities", "1", "ratio"),
    "angle": ("Polar angle", "degree", ""),
    "fraction": ("Lithiated fraction", "1", "fraction"),
    "x_li": ("Lithium content", "1", "x_li"),
}


def _as_maps(
    od: xr.Dataset,
    maps: dict[str, tuple[Any, Any]],
    u: xr.DataArray,
    v: xr.DataArray,
    variances: tuple[Any, Any, Any],
    params: TwoEnergyParameters,
) -> xr.Dataset:
    dim = spectral_dim(od[SIGNAL])
    order = [str(d) for d in od[SIGNAL].dims if d not in (dim, Y, X)] + [Y, X]
    length, noise = u**2 + v**2, variances[0] + variances[1]
    weak = (u <= 0) | (v <= 0) | (length < params.signal_sigma**2 * noise)
    fraction, sigma = maps["soc"] if "soc" in maps else maps["fraction"]
    guard = params.margin + 3.0 * sigma.fillna(0.0)
    outside = (fraction < -guard) | (fraction > 1.0 + guard)
    codes = xr.zeros_like(u, dtype=np.uint8)
    codes = codes.where(~outside, np.uint8(Status.OUT_OF_RANGE))
    codes = codes.where(~weak, np.uint8(Status.LOW_SIGNAL))
    codes = codes.where(u.notnull() & v.notnull(), np.uint8(Status.MASKED))
    if STATUS in od:
        codes = codes.where(od[STATUS] == Status.OK, od[STATUS])
    if VALID in od:
        codes = codes.where(od[VALID], np.uint8(Status.MASKED))
    codes = codes.transpose(*order).compute()
    void = codes.isin([int(Status.LOW_SIGNAL), int(Status.MASKED)])
    result = xr.Dataset()
    for name, (values, std) in maps.items():
        words, units, kind = _DESCRIBED[name]
        described = {"long_name": words, "units": units, **({KIND: kind} if kind else {})}
        result[name] = values.transpose(*order).where(~void).drop_attrs().assign_attrs(described)
        result[std_name(name)] = (
            std.transpose(*order)
            .where(~void)
            .drop_attrs()
            .assign_attrs(long_name=f"Standard uncertainty: {words}", units=units)
        )
    result[STATUS] = xr.DataArray(status_variable(codes.values, tuple(order)), codes.coords)
    result.attrs.update({k: od.attrs[k] for k in ("sample", "title") if k in od.attrs})
    return result
