"""Panels of the energy axis, of flats in files and of the energy plan, without a browser."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack
from html_words import text_of

from socwidgets.io import save_bundle
from socwidgets.jobs import JobRunner, JobState
from socwidgets.model.stack import make_stack
from socwidgets.session.workflow import Workflow
from socwidgets.widgets.workflow_view import WorkflowView

FE = np.linspace(7080.0, 7160.0, 161)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("axis")
    rise = 0.1 + 0.5 + np.arctan((FE - 7110.8) / 1.0) / np.pi
    np.savetxt(place / "foil.txt", np.c_[FE, rise])
    (place / "words.txt").write_text("no numbers here\n")
    signal = np.broadcast_to(rise[:, None, None], (161, 5, 6)).astype(np.float32)
    stack = make_stack(signal, FE, quantity="optical_density", pixel_um=0.1)
    save_bundle(place / "scan.nc", stack=stack)
    return place


@pytest.fixture
def view():
    made = WorkflowView(Workflow(JobRunner(inline=True)))
    yield made
    assert made.error_bar.text == ""
    made.close()


def test_a_foil_is_seen_before_the_axis_is_moved(view, folder):
    view.flow.start("open", {}, {"path": str(folder / "scan.nc")})
    panel = view.panels["energy_axis"]
    view.show("energy_axis")
    # The scan runs across the K edge of iron.
    assert panel.form.controls["element"].value == "Fe"
    panel.chooser.go(folder)
    assert panel.figure.layout.display == "none"
    panel.chooser.choose("foil.txt")
    assert panel.runs.error.text == ""
    assert panel.figure.layout.display == "flex"
    found, table = panel._edge_line.x[0], panel._table_line.x[0]
    assert (found, table) == (pytest.approx(7110.8, abs=0.05), 7112.0)
    words = text_of(panel._words.value)
    assert "edge found, 7110.8" in words
    assert "+1.19" in words
    np.testing.assert_array_equal(view.flow.session.energies, FE)
    assert panel.run().state == JobState.DONE
    np.testing.assert_allclose(view.flow.session.energies, FE + (table - found), atol=1e-9)
    assert "Moved by +1.19" in text_of(panel.runs.status.value)
    assert panel.back.layout.display == "inline-block"
    panel.back.click()
    np.testing.assert_array_equal(view.flow.session.energies, FE)
    assert view.steps["energy_axis"].icon == ""
    assert panel.back.layout.display == "none"
    assert panel.form.controls["foil"].value.endswith("foil.txt")


def test_a_file_that_is_no_foil_is_said_at_once(view, folder):
    view.flow.start("open", {}, {"path": str(folder / "scan.nc")})
    panel = view.panels["energy_axis"]
    panel.chooser.go(folder)
    panel.chooser.choose("words.txt")
    assert "words.txt" in text_of(panel._words.value)
    assert panel.figure.layout.display == "none"
    panel.form.controls["element"].value = "Co"
    panel.chooser.choose("foil.txt")
    assert "not a Co foil" in text_of(panel._words.value)
    assert panel.run().state == JobState.FAILED
    assert "not a Co foil" in panel.runs.error.text
    panel.choices["by"].value = "offset"
    assert text_of(panel._words.value) == ""
    assert panel.chooser.layout.display == "none"
    assert panel.run().state == JobState.DONE


def test_the_chosen_file_becomes_flat_or_dark(view, folder, tmp_path):
    path, _ = small_stack.write_scan(tmp_path)
    view.flow.start("open", {}, {"path": str(path)})
    panel = view.panels["optical_density"]
    panel.refresh()
    assert panel.files.layout.display == "none"
    panel.choices["i0"].value = "<files>"
    assert panel.files.layout.display == "flex"
    panel.takes[0].click()
    assert "no file is chosen" in panel.runs.error.text
    panel.chooser.go(tmp_path)
    panel.chooser.choose("scan.nc")
    panel.takes[0].click()
    panel.takes[2].click()
    assert panel.form.controls["flat"].value == str(path)
    assert panel.form.controls["dark"].value == str(path)
    assert panel.form.controls["flat_after"].value == ""
    shown = panel._first.children
    assert panel.form.controls["stray_light"] in shown
    assert panel.form.controls["gain"] not in shown
    # Optical density that was opened has no I0, and a choice less.
    view.flow.take(small_stack.stack())
    assert panel.choices == {}
    assert "already" in text_of(panel.problem.value)
    assert not panel.runs.start.disabled


def test_a_reference_panel_takes_a_foil(view, folder):
    panel = view.panels["references"]
    panel.chooser.go(folder)
    panel.chooser.choose("foil.txt")
    panel.foil.click()
    assert panel.form.controls["foil"].value == str(folder / "foil.txt")
    panel.chooser.open_entry("foil.txt")
    panel.form.controls["element"].value = "Fe"
    assert panel.run().state == JobState.DONE
    assert "Energies moved by +1.19" in text_of(panel.notes.value)


def test_a_plan_is_drawn_tabled_and_its_energies_listed(view):
    view.flow.take(small_stack.stack(), small_stack.references())
    panel = view.panels["energy_plan"]
    view.show("energy_plan")
    assert panel.figure.layout.display == "none"
    panel.form.controls["numbers"].value = "6, 12"
    assert panel.run().state == JobState.DONE, panel.runs.error.text
    tried = view.flow.products["energy_plan"]
    assert panel.figure.layout.display == "flex"
    np.testing.assert_allclose(panel._noise.y, tried["scatter_noise"])
    np.testing.assert_allclose(panel._found.y, tried["scatter"])
    words = text_of(panel._words.value)
    assert "The 12 energies" in words
    assert f"{tried['energies'][0][0]:.2f}, {tried['energies'][0][1]:.2f}" in words
    assert f"{tried['sigma'][1]:.4f}" in words
    view.flow.start("optical_density", {}, {"stray_light": 0.01})
    assert panel.figure.layout.display == "none"
    assert panel._words.value == ""


def test_a_warning_of_a_step_stands_in_its_panel(view):
    """It went to the log of the kernel."""
    view.flow.take(small_stack.stack())
    panel = view.panels["method"]
    panel.choices["method"].value = "white_line"
    panel.form.set_values({"center": 709.0})
    assert panel.run().state == JobState.DONE
    assert "no maximum inside the white-line window" in text_of(panel.notes.value)
    panel.back.click()
    assert panel.notes.value == ""
