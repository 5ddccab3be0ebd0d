"""Fixtures that every room may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from socwidgets.model.stack import make_stack


@pytest.fixture(scope="session", autouse=True)
def _own_jupyter_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kernels and notebooks of these tests keep their files to themselves.

    No start-up file of the user runs in them, and processes side by side meet neither in a history
    nor in a database of trusted notebooks.
    """
    folder = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(folder / name.lower()))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with measured data beside the checkout; the test is skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no measured data: ../shared/data is not beside the checkout")
    return folder


@pytest.fixture
def small_counts() -> np.ndarray:
    """Poisson counts ``(energy=8, y=5, x=6)``, float32, without dark or saturated frames."""
    rng = np.random.default_rng(3)
    return rng.poisson(300, (8, 5, 6)).astype(np.float32)


@pytest.fixture
def small_energies() -> np.ndarray:
    """Eight energies in eV at the Fe L3 edge, not uniform."""
    return np.array([700.0, 702.0, 704.0, 706.5, 708.0, 710.0, 712.5, 716.0])


@pytest.fixture
def small_stack(small_counts: np.ndarray, small_energies: np.ndarray) -> xr.Dataset:
    """A valid stack of counts with I0."""
    stack = make_stack(small_counts, small_energies, pixel_um=0.1, sample="made for a test")
    stack["i0"] = ("energy", np.linspace(330.0, 340.0, small_energies.size))
    return stack


@pytest.fixture
def rng() -> np.random.Generator:
    """A fresh generator with a fixed seed: every test sees the same noise alone or in company."""
    return np.random.default_rng(20261)
