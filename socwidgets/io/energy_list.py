"""The list of energies that goes with frames which do not carry it themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from socwidgets.model.errors import ReadError

_ENDINGS = (".txt", ".csv", ".dat")
_WORDS = ("energies", "energy", "energy_list")


def find_energy_list(path: Path) -> Path | None:
    """Find the energy list of a stack by its name.

    For a file ``scan.tif`` these are tried, first with ``.txt``, then ``.csv``, then ``.dat``:
    ``scan``, ``scan_energies``, ``scan_energy``, ``scan_energy_list`` beside it, then
    ``energies``, ``energy``, ``energy_list`` beside it. For a folder ``scan/`` of frames the last
    three inside the folder come first, then the first four beside the folder.

    Parameters
    ----------
    path : Path
        A file or a folder.

    Returns
    -------
    Path or None
        The first that exists.
    """
    return next((file for file in _candidates(path) if file.is_file()), None)


def _candidates(path: Path) -> list[Path]:
    stem = path.name if path.is_dir() else path.stem
    own = [path.parent / f"{stem}{end}" for end in _ENDINGS]
    own += [path.parent / f"{stem}_{word}{end}" for word in _WORDS for end in _ENDINGS]
    folder = path if path.is_dir() else path.parent
    general = [folder / f"{word}{end}" for word in _WORDS for end in _ENDINGS]
    return [*general, *own] if path.is_dir() else [*own, *general]


def require_energy_list(path: Path, energies: Any) -> Any:
    """Energies as given, or the path of the list beside `path`.

    Raises
    ------
    ReadError
        Neither given nor found; names the files that were looked for.
    """
    if energies is not None:
        return energies
    found = find_energy_list(path)
    if found is None:
        names = [file.name for file in _candidates(path) if file.suffix == ".txt"]
        raise ReadError(
            f"there is no list of energies for {path.name}",
            expected=f"energies=..., or one of the files {', '.join(names)} (or .csv, .dat)",
            found="none of them",
            fix="pass energies= with the path of the list or with the numbers themselves",
        )
    return found
