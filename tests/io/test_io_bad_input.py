"""Every broken file gives a clear error: what was expected, what was found, what to do."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from io_factories import write_als, write_frames, write_nexus, write_tiff
from plain_user import modes_count

from socwidgets.io import open_stack
from socwidgets.io.checks import check_frames
from socwidgets.model.errors import DataError, ReadError, SocwidgetsError, UnitError

ENERGIES = np.array([700.0, 702.0, 704.0, 706.5, 708.0, 710.0, 712.5, 716.0])


def counts(dtype=np.float32) -> np.ndarray:
    return np.random.default_rng(5).poisson(300, (8, 20, 25)).astype(dtype)


def als(folder: Path, **options) -> Path:
    return write_als(folder, counts(), ENERGIES, **options)


def nexus(folder: Path, values=None, energies=ENERGIES, **options) -> Path:
    return write_nexus(folder / "a.h5", counts() if values is None else values, energies, **options)


def als_frame(folder: Path, text: str) -> Path:
    header = als(folder)
    (folder / "9_a003.xim").write_text(text)
    return header


def missing_frame(folder):
    header = als(folder)
    (folder / "9_a003.xim").unlink()
    return header


def missing_tiff_frame(folder):
    path = write_frames(folder / "scan", counts(), ENERGIES)
    (path / "scan_4.tif").unlink()
    return path


def no_frames(folder):
    header = als(folder)
    for frame in folder.glob("*.xim"):
        frame.unlink()
    return header


def truncated_frame(folder):
    header = als(folder)
    frame = folder / "9_a003.xim"
    frame.write_text(frame.read_text()[:2000])
    return header


def frame_without_last_rows(folder):
    header = als(folder)
    frame = folder / "9_a003.xim"
    frame.write_text("\n".join(frame.read_text().splitlines()[:15]))
    return header


def other_shape(folder):
    row = "\t".join(["300.0"] * 24)
    return als_frame(folder, "\n".join([row] * 20))


def other_tiff_shape(folder):
    path = write_frames(folder / "scan", counts(), ENERGIES)
    write_tiff(path / "scan_4.tif", counts()[0, :10])
    return path


def extra_frame(folder):
    header = als(folder)
    (folder / "9_a008.xim").write_text((folder / "9_a007.xim").read_text())
    return header


def changed_frame(value, index=3, where=(slice(None), slice(None))):
    def make(folder):
        values = counts()
        values[(index, *where)] = value
        return nexus(folder, values)

    return make


def saturated(dtype, ceiling, share=0.1):
    def make(folder):
        values = counts(dtype)
        pixels = values.reshape(8, -1)
        pixels[3, : int(share * pixels.shape[1])] = ceiling
        return nexus(folder, values)

    return make


def not_a_stack(folder):
    with h5py.File(folder / "a.h5", "w") as file:
        file["image"], file["text"] = np.zeros((5, 6)), "hello"
    return folder / "a.h5"


def truncated_hdf5(folder):
    path = nexus(folder)
    path.write_bytes(path.read_bytes()[:5000])
    return path


def no_hdf5(folder):
    (folder / "a.h5").write_text("this is not HDF5")
    return folder / "a.h5"


def line_scan(folder):
    header = als(folder)
    text = header.read_text()
    header.write_text(text.replace("StackAxis", "LineAxis").replace("Image Scan", "Line Scan"))
    return header


def unknown(folder):
    (folder / "a.xyz").write_text("1 2 3")
    return folder / "a.xyz"


def empty_folder(folder):
    (folder / "empty").mkdir()
    return folder / "empty"


def tiff_list(energies):
    def make(folder):
        return write_tiff(folder / "a.tif", counts(), energies)

    return make


def energy_text(text):
    def make(folder):
        write_tiff(folder / "a.tif", counts())
        (folder / "a.txt").write_text(text)
        return folder / "a.tif"

    return make


@dataclass(frozen=True)
class Case:
    make: Callable[[Path], Path]
    error: type[SocwidgetsError]
    problem: str
    found: str


SWAPPED = ENERGIES[[0, 1, 3, 2, 4, 5, 6, 7]]
REPEATED = ENERGIES[[0, 1, 2, 2, 4, 5, 6, 7]]
LISTED = "\n".join(f"{e}" for e in ENERGIES)

CASES = {
    "missing frame": Case(missing_frame, ReadError, "1 of the 8 frames .* missing", "frame 3"),
    "missing TIFF frame": Case(missing_tiff_frame, ReadError, "frames are missing", "number 4"),
    "no frames": Case(no_frames, ReadError, "no frames beside", "none in"),
    "truncated frame": Case(truncated_frame, ReadError, r"9_a003.xim is truncated", "numbers"),
    "frame without rows": Case(frame_without_last_rows, ReadError, "truncated", "15 rows"),
    "frame of another shape": Case(other_shape, DataError, "another shape", "20 rows of 24"),
    "TIFF of another shape": Case(other_tiff_shape, DataError, r"scan_4.tif has another", "10, 25"),
    "text in a frame": Case(
        lambda f: als_frame(f, "300 x 300"), ReadError, "numbers only", "could not convert"
    ),
    "empty frame": Case(lambda f: als_frame(f, ""), ReadError, "truncated", "0 rows"),
    "more frames than energies": Case(extra_frame, DataError, "fewer energies", "9 frames"),
    "too few energies": Case(tiff_list(ENERGIES[:7]), DataError, r"list a.txt .* fit", "7 values"),
    "too many energies": Case(tiff_list(np.arange(9)), DataError, "not fit", "9 values"),
    "energies not monotonic": Case(
        tiff_list(SWAPPED), DataError, "not monotonic", "706.5 is followed by 704"
    ),
    "duplicate energies": Case(tiff_list(REPEATED), DataError, "duplicate", "first 704"),
    "NaN energy": Case(energy_text(LISTED.replace("716.0", "nan")), DataError, "finite", "1 of 8"),
    "text in the energy list": Case(
        energy_text(LISTED.replace("716.0", "oops")), ReadError, "line 8", "oops"
    ),
    "energy list without numbers": Case(energy_text("none\n"), ReadError, "no numbers", "1 lines"),
    "dark frame": Case(changed_frame(0.0), DataError, "1 of 8 frames are dark", "frame 3 \\(706.5"),
    "negative frame": Case(changed_frame(-1.0), DataError, "dark", "frame 3"),
    "saturated uint16": Case(saturated(np.uint16, 65535), DataError, "saturated", "10% .* frame 3"),
    "saturated 12 bit": Case(saturated(np.uint16, 4095), DataError, "saturated", "frame 3"),
    "saturated as float": Case(saturated(np.float32, 65535), DataError, "saturated", "frame 3"),
    "NaN frame": Case(changed_frame(np.nan), DataError, "no finite value", "frame 3"),
    "infinite frame": Case(changed_frame(np.inf), DataError, "no finite value", "frame 3"),
    "HDF5 that is no stack": Case(not_a_stack, ReadError, "no stack was found", "/image"),
    "truncated HDF5": Case(truncated_hdf5, ReadError, "truncated", "truncated"),
    "no HDF5": Case(no_hdf5, ReadError, "not what its name promises", "this is not"),
    "line scan": Case(line_scan, DataError, "not the header of an image stack", "Line Scan"),
    "wrong unit": Case(lambda f: nexus(f, units="kg"), UnitError, "cannot convert 'kg'", "kg"),
    "wrong unit in a header": Case(lambda f: als(f, unit="nm"), UnitError, "'nm'", "nm"),
    "I0 of another length": Case(
        lambda f: (als(f), np.savetxt(f / "i0.xsp", np.ones((5, 2))))[0],
        DataError,
        "i0.xsp was taken at other energies",
        "5 values",
    ),
    "I0 that is zero": Case(
        lambda f: als(f, i0=np.zeros(8)), DataError, "cannot be an intensity", "8 of 8"
    ),
    "missing path": Case(lambda f: f / "nothing.h5", ReadError, "no file or folder", "nothing"),
    "missing folder": Case(lambda f: f / "no" / "a.h5", ReadError, "no file", "the folder"),
    "unknown suffix": Case(unknown, ReadError, "format of a.xyz is not known", "1 2 3"),
    "folder without frames": Case(empty_folder, ReadError, "not known", "an empty folder"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(tmp_path, name):
    case = CASES[name]
    path = case.make(tmp_path)
    with pytest.raises(case.error, match=case.problem) as caught:
        open_stack(path)
    error = caught.value
    assert error.expected
    assert error.fix
    assert error.found
    assert re.search(case.found, error.found, re.DOTALL), error.found


def test_dark_counts_are_found_although_noisy(tmp_path):
    values = counts(np.uint16)
    values[2] = np.random.default_rng(0).poisson(0.5, values.shape[1:])
    with pytest.raises(DataError, match="1 of 8 frames are dark"):
        open_stack(nexus(tmp_path, values))
    # A fluorescence signal may be that low before the edge, and is not called counts.
    stack = open_stack(nexus(tmp_path, values), quantity="intensity")
    assert stack.attrs["checked_frames"] == "all 8"


def test_check_can_be_switched_off(tmp_path):
    stack = open_stack(changed_frame(0.0)(tmp_path), check=False)
    assert float(stack.signal[3].max()) == 0
    assert stack.attrs["checked_frames"].startswith("none")


def test_single_nan_pixels_are_marked(tmp_path):
    values = counts()
    values[2, 4, 5] = np.nan
    values[6, 7, 8] = np.inf
    with pytest.warns(UserWarning, match="NaN: 1, infinite: 1"):
        stack = open_stack(nexus(tmp_path, values))
    assert stack.attrs["nonfinite_values"] == 2
    assert stack.valid.dtype == bool
    assert np.argwhere(~stack.valid.values).tolist() == [[4, 5], [7, 8]]


def test_nan_in_every_pixel(tmp_path):
    values = counts()
    values[0, :, :10], values[1, :, 10:] = np.nan, np.nan
    with pytest.raises(DataError, match="no pixel has finite values"):
        open_stack(nexus(tmp_path, values))


def test_few_saturated_pixels_and_noise_free_data_pass(tmp_path):
    few = saturated(np.uint16, 65535, share=0.005)(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_stack(few)
    values = counts()
    values[:, :5] = 400.0
    with pytest.warns(UserWarning, match="may be clipped"):
        open_stack(nexus(tmp_path, values))
    with pytest.raises(DataError, match="saturated"):
        open_stack(nexus(tmp_path, values), saturation=400)


def test_optical_density_may_be_zero_or_negative(small_stack):
    density = small_stack.assign(signal=small_stack.signal - 300)
    density.attrs["quantity"] = "optical_density"
    assert check_frames(density).attrs["checked_frames"] == "all 8"
    density.signal[2] = 0.0
    with pytest.raises(DataError, match="dark"):
        check_frames(density)


def test_lazy_stack_is_checked_on_a_sample(tmp_path):
    values = np.random.default_rng(5).poisson(300, (40, 6, 7)).astype(np.float32)
    energies = 700 + np.arange(40.0)
    stack = open_stack(nexus(tmp_path, values, energies), lazy=True)
    assert stack.attrs["checked_frames"] == "a sample of 8 of 40"
    values[-1] = 0
    with pytest.raises(DataError, match="1 of 8 frames are dark"):
        open_stack(nexus(tmp_path, values, energies), lazy=True)


def test_no_permission(tmp_path):
    path = nexus(tmp_path)
    path.chmod(0)
    with modes_count(), pytest.raises(ReadError, match="no permission"):
        open_stack(path)


def test_no_permission_simulated(tmp_path, monkeypatch):
    path = nexus(tmp_path)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ReadError, match="no permission") as caught:
        open_stack(path)
    assert "permission" in caught.value.fix
