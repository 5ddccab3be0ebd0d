"""Small files in every format, written from arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def points(values) -> str:
    listed = ", ".join(f"{value:.3f}" for value in values)
    return f"({len(values)}, {listed});\n}};\n"


def write_als(
    folder: Path,
    counts: np.ndarray,
    energies: np.ndarray,
    *,
    i0: np.ndarray | None = None,
    unit: str = "eV",
    flags: str = "Image Stack",
    direction: int = 1,
) -> Path:
    """ALS header, frames and optional i0.xsp; ``counts (energy, y, x)``. Returns the header."""
    _, height, width = counts.shape
    images = "".join(
        f"Image{n + 1} = {{StorageRingCurrent = {500 - n}; "
        f'Time = "2007 December 14 21:4{n}:13";}};\n'
        for n in range(1, len(energies))
    )
    text = (
        'ScanDefinition = { Label = "9.hdr"; Type = "NEXAFS Image Scan"; '
        + f'Flags = "{flags}"; Dwell = 0.5;\n\tRegions = (1,\n{{\n'
        + '\t\tPAxis = { Name = "Sample X"; Unit = "um"; Min = 10; Max = 20; Dir = 1;\n'
        + f"\t\t\tPoints = {points(10 + 0.1 * np.arange(width))}\n"
        + f'\t\tQAxis = {{ Name = "Sample Y"; Unit = "um"; Min = 1; Max = 2; Dir = {direction};\n'
        + f"\t\t\tPoints = {points(1 + 0.2 * np.arange(height))}}});\n\n"
        + f'\tStackAxis = {{ Name = "Energy"; Unit = "{unit}"; Min = 700; Max = 716; Dir = 1;\n'
        + f"\t\tPoints = {points(energies)}\n"
        + '\tChannels = (1,\n{ Name = "counter1"; Unit = "counts";});\n};\n'
        + ' Time = "2007 December 14 21:40:13"; BeamFeedback = true;\n'
        + " StorageRingCurrent = 500; PMT_CounterDivider = 10;\n"
        + images
    )
    header = folder / "9.hdr"
    header.write_text(text)
    for index, frame in enumerate(counts):
        rows = ["\t".join(f"{value:.6f}" for value in row) for row in frame]
        (folder / f"9_a{index:03d}.xim").write_text("\n".join(rows) + "\n")
    if i0 is not None:
        write_columns(folder / "i0.xsp", energies, i0)
    return header


def write_columns(path: Path, *columns: np.ndarray) -> Path:
    rows = zip(*columns, strict=True)
    path.write_text("".join(" ".join(f"{v:.7E}" for v in row) + "\n" for row in rows))
    return path


def write_nexus(path: Path, counts, energies, y=None, x=None, *, units: str = "eV") -> Path:
    """NXroot -> NXentry -> NXdata with default, signal and axes attributes."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "default": "counter0"})
        data = entry.create_group("counter0")
        data.attrs.update({"NX_class": "NXdata", "signal": "data"})
        data.attrs["axes"] = ["energy", "sample_y", "sample_x"]
        data["data"] = counts
        data["energy"] = energies
        data["energy"].attrs["units"] = units
        height, width = counts.shape[1:]
        data["sample_y"] = np.arange(height) * 0.2 if y is None else y
        data["sample_x"] = np.arange(width) * 0.1 if x is None else x
    return path


def write_tiff(path: Path, counts, energies=None, **options) -> Path:
    """Multi-page TIFF, with its energy list beside it."""
    import tifffile

    tifffile.imwrite(path, counts, photometric="minisblack", **options)
    if energies is not None:
        np.savetxt(path.with_suffix(".txt"), energies)
    return path


def write_frames(folder: Path, counts, energies) -> Path:
    """Folder of single TIFF frames with ``energies.txt``."""
    folder.mkdir(exist_ok=True)
    for index, frame in enumerate(counts):
        write_tiff(folder / f"scan_{index + 1}.tif", frame)
    np.savetxt(folder / "energies.txt", energies)
    return folder
