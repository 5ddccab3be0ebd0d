"""Materials: which metal takes part, what is fixed, and the window of lithium contents.

Every number that is not a plain formula is marked "check me": it is a starting value to edit, not a
result. `material` gives a preset with changes, `register_material` adds one of your own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from socwidgets.analysis.calibration_lines import StandardsCurve
from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import Parameters, param, unknown_name

_CHECK = "check me: window of lithium contents as commonly used, not verified for your electrode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material(Parameters):
    """One active material, per formula unit.

    Charge neutrality ties lithium and the metal that is oxidized together,
    ``x + redox_amount z + fixed_charge = anion_charge``, as long as this metal alone takes part.
    """

    name: str = param("", "Name.")
    redox: str = param("Ni", "Metal that is oxidized on charge.")
    redox_amount: float = param(1.0, "Its amount.", low=1e-6)
    fixed_charge: float = param(0.0, "Sum of the charges of all other cations but lithium.")
    anion_charge: float = param(4.0, "Charge of the anions, positive.", low=0.0)
    highest: float = param(4.0, "Oxidation state beyond which others must take part.")
    x_max: float = param(1.0, "Lithium content that `x_removed` counts from.", low=0.0)
    x_discharged: float = param(1.0, "Lithium content when discharged (SOC 0).", low=0.0)
    x_charged: float = param(0.0, "Lithium content when charged (SOC 1).", low=0.0)
    note: str = param("", "Where the numbers come from, and what to check.")

    def check(self) -> None:
        """Check that the window has a width."""
        if self.x_discharged == self.x_charged:
            raise ParameterError(
                f"the window of {self.name or 'the material'} has no width",
                expected="different lithium contents when discharged and when charged",
                found=f"{self.x_discharged:g} and {self.x_charged:g}",
            )

    def oxidation_state(self, x_li: Any) -> Any:
        """Oxidation state of the redox metal at a lithium content, not capped."""
        return (self.anion_charge - self.fixed_charge - x_li) / self.redox_amount

    def lithium(self, oxidation_state: Any) -> Any:
        """Lithium content at an oxidation state of the redox metal."""
        return self.anion_charge - self.fixed_charge - self.redox_amount * oxidation_state


def layered_oxide(
    name: str, ni: float, mn: float = 0.0, co: float = 0.0, al: float = 0.0, **changes: Any
) -> Material:
    """Layered Li(Ni, Mn, Co, Al)O2 whose nickel alone takes part (Mn 4+, Co and Al 3+).

    Parameters
    ----------
    name : str
        Name.
    ni, mn, co, al : float
        Amounts of the metals, together 1.
    **changes
        Fields of `Material`.

    Returns
    -------
    Material
        With the charge of the metals that take no part.

    Raises
    ------
    ParameterError
        If the amounts do not add up to 1.
    """
    if abs(ni + mn + co + al - 1.0) > 0.011:
        raise ParameterError(
            f"the metals of {name} do not add up to one",
            expected="ni + mn + co + al = 1",
            found=f"{ni + mn + co + al:g}",
        )
    fixed = 4.0 * mn + 3.0 * co + 3.0 * al
    given = {"x_charged": 0.3, "note": _CHECK, **changes}
    return Material.from_mapping(
        {"name": name, "redox": "Ni", "redox_amount": ni, "fixed_charge": fixed, **given}
    )


_THIRD = 1.0 / 3.0

_MATERIALS: dict[str, Material] = {
    found.name: found
    for found in (
        layered_oxide("NMC333", _THIRD, _THIRD, _THIRD, x_charged=0.4),
        layered_oxide("NMC442", 0.4, 0.4, 0.2, x_charged=0.4),
        layered_oxide("NMC532", 0.5, 0.3, 0.2, x_charged=0.35),
        layered_oxide("NMC622", 0.6, 0.2, 0.2),
        layered_oxide("NMC811", 0.8, 0.1, 0.1, x_charged=0.2),
        layered_oxide("NCA", 0.8, co=0.15, al=0.05, x_charged=0.2),
        layered_oxide("LiNiO2", 1.0, x_charged=0.1),
        Material(name="LiCoO2", redox="Co", x_charged=0.5, note=_CHECK),
        Material(
            name="LiFePO4", redox="Fe", fixed_charge=5.0, anion_charge=8.0, highest=3.0, note=_CHECK
        ),
        Material(name="LiMn2O4", redox="Mn", redox_amount=2.0, anion_charge=8.0, note=_CHECK),
        Material(
            name="LiNi0.5Mn1.5O4",
            redox="Ni",
            redox_amount=0.5,
            fixed_charge=6.0,
            anion_charge=8.0,
            note=_CHECK,
        ),
    )
}


def material_names() -> tuple[str, ...]:
    """Names that `material` knows."""
    return tuple(_MATERIALS)


def material(name: str, **changes: Any) -> Material:
    """Preset of a material, with changes laid over it.

    Raises
    ------
    ParameterError
        If there is none of this name, or a change does not fit.
    """
    if name not in _MATERIALS:
        raise unknown_name(
            f"there is no material {name!r}", name, _MATERIALS,
            otherwise="make one with layered_oxide or Material",
        )  # fmt: skip
    return _MATERIALS[name].replace(**changes)


def register_material(found: Material) -> Material:
    """Add a material to the presets of this process; one of the same name is replaced."""
    if not found.name:
        raise ParameterError("a material needs a name to be found by", found=repr(found.name))
    _MATERIALS[found.name] = found
    return found


def nickel_white_line(**changes: Any) -> StandardsCurve:
    """Oxidation state of Ni in layered oxides against its K white line: a starting table.

    Check me: Ni2+ and Ni3+ are those of NiO and LiNiO2 on the scale where the Ni foil stands at
    8333 eV, Ni4+ is a model. Beamlines differ by 1 to 3 eV and windows by some tenths, so its 0.3
    eV are no more than that; measure standards of your own and use `standards`.
    """
    given: dict[str, Any] = {
        "values": (8350.36, 8352.22, 8353.72),
        "compositions": (2.0, 3.0, 4.0),
        "values_std": (0.3, 0.3, 0.3),
        "variable": "white_line_energy",
        "shape": "table",
        "composition": "oxidation_state",
    }
    return StandardsCurve.from_mapping({**given, **changes})
