"""Workflows, and files to run them on."""

from __future__ import annotations

import numpy as np
import pytest
from workflow_steps import K_EDGE, OFFSET, edge

from socwidgets.io import save_bundle
from socwidgets.jobs import JobRunner
from socwidgets.model.stack import make_stack
from socwidgets.session.workflow import Workflow


@pytest.fixture
def flow():
    """A workflow whose steps are done when they have been started."""
    made = Workflow(JobRunner(inline=True))
    yield made
    made.close()


@pytest.fixture(scope="module")
def nickel(tmp_path_factory):
    """Folder with a foil whose axis is 1.4 eV low, a stack and references of the same day."""
    folder = tmp_path_factory.mktemp("nickel")
    np.savetxt(folder / "foil.txt", np.c_[K_EDGE, edge(K_EDGE, 8333.0 - OFFSET)])
    for name, e0 in (("Ni2", 8343.0), ("Ni3", 8345.0)):
        np.savetxt(folder / f"{name}.txt", np.c_[K_EDGE, edge(K_EDGE, e0 - OFFSET)])
    rng = np.random.default_rng(3)
    signal = edge(K_EDGE, 8344.0 - OFFSET)[:, None, None] + rng.normal(0, 0.005, (121, 6, 8))
    stack = make_stack(signal.astype(np.float32), K_EDGE, quantity="optical_density", pixel_um=0.05)
    save_bundle(folder / "scan.nc", stack=stack)
    return folder
