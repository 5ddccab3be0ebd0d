"""Units at the boundary: energies in eV, lengths in um, wavenumbers in cm-1."""

from __future__ import annotations

import numpy as np

from socwidgets.model.errors import UnitError

#: Photon energies below this are taken for keV: no absorption edge that the suite knows lies
#: below 50 eV, and none above 100 keV.
KEV_LIMIT = 100.0

_FACTORS: dict[tuple[str, str], float] = {
    ("ev", "ev"): 1.0,
    ("kev", "ev"): 1000.0,
    ("um", "um"): 1.0,
    ("nm", "um"): 1e-3,
    ("mm", "um"): 1e3,
    ("m", "um"): 1e6,
    ("angstrom", "um"): 1e-4,
    ("cm-1", "cm-1"): 1.0,
    ("degree", "degree"): 1.0,
    ("angstrom", "angstrom"): 1.0,
    ("nm", "angstrom"): 10.0,
    ("angstrom-1", "angstrom-1"): 1.0,
    ("nm-1", "angstrom-1"): 0.1,
}

_SPELLINGS = {
    "electronvolt": "ev",
    "electron volt": "ev",
    "micron": "um",
    "microns": "um",
    "micrometer": "um",
    "micrometre": "um",
    "µm": "um",
    "μm": "um",
    "nanometer": "nm",
    "metre": "m",
    "meter": "m",
    "a": "angstrom",
    "å": "angstrom",
    "ang": "angstrom",
    "1/cm": "cm-1",
    "cm^-1": "cm-1",
    "cm⁻¹": "cm-1",
    "deg": "degree",
    "degrees": "degree",
    "°": "degree",
    "1/angstrom": "angstrom-1",
    "a-1": "angstrom-1",
    "1/nm": "nm-1",
}


def factor(source: str, target: str) -> float:
    """Factor that turns a number in `source` units into `target` units.

    Raises
    ------
    UnitError
        If the pair is unknown, for instance seconds for an energy axis.
    """
    key = (_canonical(source), _canonical(target))
    if key not in _FACTORS:
        known = sorted(src for src, dst in _FACTORS if dst == key[1])
        raise UnitError(
            f"cannot convert {source!r} to {target!r}",
            expected=f"one of {', '.join(known)}" if known else f"known target, not {target!r}",
            found=source,
            fix="correct the units in the file, or pass the axis with its units",
        )
    return _FACTORS[key]


def _canonical(unit: str) -> str:
    text = unit.strip().lower()
    return _SPELLINGS.get(text, text)


def energies_in_ev(values: np.ndarray, units: str | None = None) -> tuple[np.ndarray, str | None]:
    """Photon energies in eV, recognizing keV.

    Parameters
    ----------
    values : ndarray
        ``(energy,)``, in eV or keV.
    units : str, optional
        What the file says. Where it says nothing, or says eV for numbers that can only be keV
        (largest value below `KEV_LIMIT`), the numbers decide.

    Returns
    -------
    ndarray
        ``(energy,)``, eV.
    str or None
        A sentence to report when a conversion was made, else None.
    """
    values = np.asarray(values, dtype=np.float64)
    stated = _canonical(units) if units else None
    if stated == "kev":
        return values * 1e3, "energies converted from keV (as stated in the file) to eV"
    if stated not in (None, "", "ev"):
        return values * factor(str(units), "eV"), f"energies converted from {units} to eV"
    if values.size and np.nanmax(values) < KEV_LIMIT:
        span = f"{np.nanmin(values):g} to {np.nanmax(values):g}"
        return values * 1e3, f"energies of {span} can only be keV: converted to eV"
    return values, None
