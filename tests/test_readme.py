"""The session of the README is run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import socwidgets as soc

README = Path(__file__).parents[1] / "README.md"


def _session() -> str:
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return block


@pytest.mark.slow
def test_the_session_of_the_readme_runs(tmp_path, monkeypatch):
    # A smaller field than the default one: the block is about the calls.
    phantom = soc.phantoms.lfp_ensemble(seed=4, size_px=96, n_particles=12)
    soc.save_bundle(tmp_path / "scan.nc", stack=soc.phantoms.simulate_stxm(phantom, seed=4))
    for name, spectrum in zip(("lfp", "fp"), phantom.references, strict=True):
        columns = np.column_stack([spectrum["energy"], spectrum])
        np.savetxt(tmp_path / f"{name}.txt", columns)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    # Any format will do; a bundle is the one that can be written here in a line.
    exec(_session().replace("scan.h5", "scan.nc"), names)  # the block is the project's own text
    names["view"].close()
    truth = soc.phantoms.resolved_truth(phantom)["soc"]
    error = (names["s"]["soc"] - truth).where(names["s"]["status"] == 0)
    assert abs(float(error.mean())) < 0.02
    assert (tmp_path / "report" / "report.html").is_file()


def test_the_session_uses_public_names_only():
    used = set(re.findall(r"\bsoc\.(\w+)", _session()))
    assert used <= set(soc.__all__)
    assert len(used) > 8
