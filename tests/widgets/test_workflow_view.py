"""The workflow's panels and their arrangement, without a browser."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import small_stack
import yaml
from html_words import text_of
from ipywidgets.widgets.widget import _instances
from patience import PATIENCE_S, until

from socwidgets.io import save_bundle
from socwidgets.jobs import JobRunner, JobState
from socwidgets.model.errors import ReportError
from socwidgets.model.roi import Rectangle
from socwidgets.session.workflow import STEPS, Workflow, report, report_inputs
from socwidgets.widgets.file_chooser import FileChooser, list_folder
from socwidgets.widgets.report_panel import ReportPanel
from socwidgets.widgets.workflow_view import WorkflowView, workflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("scans")
    stack = small_stack.stack()
    save_bundle(place / "scan.nc", stack=stack)
    for spectrum in small_stack.references():
        name = str(spectrum["component"].values)
        np.savetxt(place / f"{name}.txt", np.c_[small_stack.ENERGIES, spectrum.values])
    (place / "sub").mkdir()
    (place / "notes.docx").write_text("x")
    (place / ".hidden.nc").write_text("x")
    return place


@pytest.fixture
def view():
    made = WorkflowView(Workflow(JobRunner(inline=True)))
    yield made
    assert made.error_bar.text == ""
    made.close()


# -- files ---------------------------------------------------------------------------------------


def test_the_chooser_lists_recognizes_and_walks(folder):
    chooser = FileChooser(folder, suffixes={".nc": "bundle"}, recognize=lambda p: f"a {p.suffix}")
    assert [e["name"] for e in chooser.files.entries] == ["sub", "scan.nc"]
    chosen, opened = [], []
    chooser.on_choose(chosen.append)
    chooser.on_open(opened.append)
    chooser.files.set_state({"chosen": "scan.nc"})
    assert chooser.path == folder / "scan.nc"
    assert "a .nc" in chooser.note.value
    send = chooser.files._handle_custom_msg
    send({"type": "open", "name": "scan.nc"}, [])
    assert opened == [folder / "scan.nc"]
    send({"type": "open", "name": "sub"}, [])
    assert chooser.folder == folder / "sub"
    assert chooser.path is None
    send({"type": "up"}, [])
    assert chooser.folder == folder
    chooser.all.value = True
    assert "notes.docx" in [e["name"] for e in chooser.files.entries]
    chooser.field.value = str(folder / "FP.txt")
    assert chooser.path == folder / "FP.txt"
    chooser.field.value = str(folder / "nowhere")
    assert "There is no" in chooser.note.value
    assert chooser.folder == folder


def test_a_folder_that_cannot_be_read_is_an_error_in_words(tmp_path):
    from socwidgets.model.errors import ReadError

    with pytest.raises(ReadError, match="cannot be read"):
        list_folder(tmp_path / "gone", {})


def test_very_full_folders_are_cut(tmp_path, monkeypatch):
    import socwidgets.widgets.file_chooser as module

    monkeypatch.setattr(module, "MOST_ENTRIES", 3)
    for i in range(5):
        (tmp_path / f"{i}.nc").write_text("")
    entries, left_out = list_folder(tmp_path, {".nc": ""})
    assert (len(entries), left_out) == (3, 2)


def test_a_header_stands_before_its_frames(tmp_path):
    for i in range(30):
        (tmp_path / f"a{i:02}.xim").write_text("")
    (tmp_path / "b.hdr").write_text("")
    entries, _ = list_folder(tmp_path, {".xim": "", ".hdr": ""})
    assert [e["name"] for e in entries[:2]] == ["b.hdr", "a00.xim"]


# -- steps ---------------------------------------------------------------------------------------


def test_from_file_to_card_with_nothing_but_the_panels(view, folder):
    before = view.explorer
    assert before is None
    chooser = view.panels["open"].chooser
    chooser.go(folder)
    chooser.choose("scan.nc")
    assert "socwidgets bundle" in chooser.note.value
    assert view.panels["open"].run().state == JobState.DONE
    assert view.explorer is not None
    assert (view.steps["open"].icon, view.steps["open"].description) == ("check", "Open")
    assert view.steps["method"].description == "9 Fit"
    assert "26 × 24 × 32" in text_of(view.panels["open"].runs.status.value)
    references = view.panels["references"]
    references.chooser.go(folder)
    references.chooser.open_entry("LFP.txt")
    references.chooser.choose("FP.txt")
    references.add.click()
    assert references.run().state == JobState.DONE
    fit = view.panels["method"]
    assert fit.inputs()["method"] == "lcf"
    fit.form.controls["constraint"].value = "none"
    assert "constraint='none'" in fit.code.value
    view.view.value = "Registration"  # where what is fitted cannot be seen
    assert fit.run().state == JobState.DONE
    assert view.view.value == "Explorer"
    view.view.value = "Profile"  # which follows by itself
    assert view.panels["calibration"].inputs() == {"by": "FP"}
    assert view.panels["calibration"].run().state == JobState.DONE
    assert view.view.value == "Profile"
    card = view.panels["heterogeneity"]
    card.form.controls["draws"].value = 100
    assert card.run().state == JobState.DONE
    # The text of the last panel does all of it.
    space: dict = {}
    exec(card.code.value, space)
    assert space["card"].to_dict() == view.flow.products["heterogeneity"].to_dict()
    assert view.flow.session.state.map_name == "soc"


def test_forms_follow_the_method_and_say_what_is_wrong(view):
    view.flow.take(small_stack.stack())
    panel = view.panels["method"]
    panel.choices["method"].value = "white_line"
    assert "half_width" in panel.form.controls
    held, more = set(_instances), []
    for _ in range(3):
        panel.choices["method"].value = "peaks"
        panel.choices["method"].value = "white_line"
        more.append(len(set(_instances) - held))
    assert more[0] == more[1] == more[2] > 0  # the form is another one each time
    panel.form.controls["half_width"].value = -1.0
    assert panel.code.value.startswith("# WhiteLineParameters.half_width is out of bounds")
    assert panel.run() is None
    assert "half_width" in panel.runs.error.text
    panel.form.controls["half_width"].value = 1.5
    panel.form.controls["center"].value = "709"
    assert panel.run().state == JobState.DONE
    assert panel.runs.error.text == ""


def test_views_are_offered_when_there_is_something_to_see(view):
    """Their buttons stood there from the start and did nothing."""
    assert view.view.layout.display == "none"
    view.flow.take(small_stack.stack())
    assert view.view.layout.display is None


def test_the_next_step_leaves_the_controls_on_the_page(view):
    """The button was drawn anew below the finger: the focus of the keyboard went to the page."""
    before = view._panel.children
    view.next.click()
    view.next.click()
    assert view._panel.children is before
    assert view.next in before
    names = ["open", "references", "optical_density"]
    assert list(view._stage.children) == [view.panels[name] for name in names]
    assert [p.layout.display for p in view._stage.children] == ["none", "none", None]
    view.show("references")
    assert [p.layout.display for p in view._stage.children] == ["none", None, "none"]


def test_what_cannot_be_done_yet_is_said_and_disabled(view):
    view.show("calibration")
    panel = view.panels["calibration"]
    assert panel.runs.start.disabled
    assert "Fit the pixels first" in text_of(panel.problem.value)
    view.next.click()
    assert view.shown == "segmentation"
    assert [name for name, button in view.steps.items() if button.value] == ["segmentation"]
    view.steps["open"].value = True
    assert view.shown == "open"
    view.steps["open"].value = False
    assert view.steps["open"].value


def test_a_failure_is_shown_in_the_panel_and_the_old_result_stays(view, folder, tmp_path):
    view.flow.take(small_stack.stack())
    explorer = view.explorer
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"no such thing")
    panel = view.panels["open"]
    panel.form.controls["path"].value = str(broken)
    assert panel.run().state == JobState.FAILED
    assert "broken.h5" in panel.runs.error.text
    assert view.explorer is explorer
    panel.form.controls["path"].value = str(folder / "scan.nc")
    panel.run()
    assert panel.runs.error.text == ""
    assert view.explorer is not explorer
    assert explorer.comm is None


def test_a_cancelled_step_waits_for_no_work(monkeypatch):
    import socwidgets.analysis.registration as module

    view = workflow(small_stack.stack())
    go = threading.Event()
    monkeypatch.setattr(module, "register", lambda *a, **k: go.wait())
    panel = view.panels["registration"]
    job = panel.run()
    assert not panel.runs.cancel.disabled
    panel.runs.cancel.click()
    assert job.wait(PATIENCE_S)  # the work itself goes on
    go.set()
    assert "Cancelled" in text_of(panel.runs.status.value)
    assert view.steps["registration"].icon == ""
    view.close()


def test_every_view_shows_the_session_and_all_is_closed_at_the_end(monkeypatch):
    monkeypatch.setattr(report, "templates", lambda: {"soc_map": "Map"})
    monkeypatch.setattr(report, "parameter_names", lambda name: ["stack"])
    before = set(_instances)
    view = WorkflowView(Workflow(JobRunner(inline=True)))
    view.flow.take(small_stack.stack(), small_stack.references())
    for name in view.steps:
        view.show(name)
    view.panels["method"].run()
    for name in view.view.options:
        view.view.value = name
        assert view._content.children[0] is (view.views.get(name) or view.explorer)
    view.flow.take(small_stack.stack(seed=1))
    assert view.views == {} or list(view.views) == [view.view.value]
    assert view.error_bar.text == ""
    view.close()
    assert set(_instances) - before == set()


def test_controls_have_labels_and_tooltips(view):
    view.flow.take(small_stack.stack(), small_stack.references())
    for name in (step.name for step in STEPS):
        panel = view.panels[name]
        for control in (*panel.form.controls.values(), *panel.choices.values()):
            assert control.description
            assert control.tooltip
    control = view.panels["segmentation"].form.controls["min_area_um2"]
    assert control.description == "Min area (µm²)"


# -- report --------------------------------------------------------------------------------------


def test_a_report_gets_the_parameters_of_the_screen(view, folder):
    flow = view.flow
    flow.start("open", {}, {"path": str(folder / "scan.nc")})
    flow.start("references", {}, {"files": f"LFP={folder}/LFP.txt,FP={folder}/FP.txt"})
    flow.start("pixels", {}, {"min_jump": 0.1, "pre": (700.0, 703.0), "post": (720.0, 725.0)})
    flow.start("method", {"method": "lcf", "pixels": "edge"}, {"constraint": "none"})
    flow.start("calibration", {"by": "FP"}, {})
    flow.session.add_roi(Rectangle(0, 0, 1, 1), "core")
    known = ["stack", "references", "charged", "constraint", "pre", "min_jump", "registration",
             "rois", "energy_low", "i0_offset", "max_od"]  # fmt: skip
    found = report_inputs.screen_parameters(flow, known)
    assert found["stack"] == str(folder / "scan.nc")
    assert found["references"] == f"LFP={folder}/LFP.txt,FP={folder}/FP.txt"
    assert (found["charged"], found["constraint"]) == ("FP", "none")
    assert (found["pre"], found["min_jump"]) == ([700.0, 703.0], 0.1)
    assert found["registration"] == "off"
    assert found["i0_offset"] == "none"
    assert "max_od" not in found
    assert "core" in found["rois"]
    assert "energy_low" not in found
    assert set(report_inputs.screen_parameters(flow, ["stack"])) == {"stack"}
    panel = view.panels["report"]
    panel._write(known, {})
    assert yaml.safe_load(panel.text.value) == found
    assert "render_report(" in panel.code.value
    compile(panel.code.value, "report", "exec")


@pytest.fixture
def command(tmp_path, monkeypatch):
    """A stand-in for the command line that writes what it was told."""
    script = tmp_path / "report.py"
    script.write_text(
        "import sys, time, pathlib\n"
        "kind, name, _, file, _, out = sys.argv[1:]\n"
        "text = pathlib.Path(file).read_text()\n"
        "for i in range(1, 4):\n"
        "    print(f'step {i} of 3', file=sys.stderr, flush=True)\n"
        "    time.sleep(3600 if 'slow' in text else 0.05)\n"
        "if 'wrong' in text: sys.exit('socwidgets: no such parameter')\n"
        "pathlib.Path(out).mkdir(); (pathlib.Path(out) / 'report.html').write_text(name + text)\n"
    )
    import sys

    monkeypatch.setattr(report, "COMMAND", (sys.executable, str(script)))
    return tmp_path


def test_another_template_gets_its_own_parameters(monkeypatch):
    """What was typed stays where the new template knows it."""
    known = {"soc_map": ["charged", "draws", "title"], "qc": ["charged", "limit"]}
    monkeypatch.setattr(report, "templates", lambda: {name: name for name in known})
    monkeypatch.setattr(report, "parameter_names", known.__getitem__)
    flow = Workflow(JobRunner(inline=True))
    flow.take(small_stack.stack(), small_stack.references())
    for name in ("method", "calibration"):
        assert flow.start(name).state == JobState.DONE
    panel = ReportPanel(flow)
    panel.fill_in()
    assert panel.parameters() == {"charged": "FP"}
    panel.text.value = "charged: LFP\ntitle: mine"
    panel.template.value = "qc"
    assert panel.parameters() == {"charged": "LFP"}
    panel.template.value = "soc_map"
    assert panel.parameters() == {"charged": "LFP"}
    assert panel.text.placeholder == "name: value"
    flow.close()


def test_a_report_runs_in_a_process_of_its_own(command):
    flow = Workflow(JobRunner(inline=True))
    flow.take(small_stack.stack(), small_stack.references())
    panel = ReportPanel(flow)
    panel.text.value = "charged: FP"
    panel.out.value = str(command / "out")
    seen = []
    panel.runs.bar.observe(lambda c: seen.append(c["new"]), "value")
    job = panel.run()
    assert job.state == JobState.DONE, job.error
    assert seen[-1] == 100
    written = (command / "out" / "report.html").read_text()
    # What was in memory only has been saved where the report finds it.
    values = yaml.safe_load(written.removeprefix("soc_map"))
    assert values["charged"] == "FP"
    assert values["stack"] == values["references"]
    assert values["stack"].endswith("out-input/input.nc")
    link = panel.result.outputs[0]["data"]["text/html"]
    assert str(command / "out") in text_of(link)
    href = unquote(re.search('href="([^"]+)"', link)[1])
    assert not href.startswith("/")  # the address of the server stands before it
    assert Path(href).resolve() == (command / "out" / "report.html").resolve()
    panel.text.value = "wrong: 1"
    panel.out.value = str(command / "other")
    job = panel.run()
    assert job.state == JobState.FAILED
    assert isinstance(job.error, ReportError)
    assert "no such parameter" in panel.runs.error.text
    panel.text.value = "- a"
    assert panel.run() is None
    assert "cannot be read" in panel.runs.error.text
    flow.close()


def test_a_report_is_stopped_with_its_process(command):
    flow = Workflow()
    flow.take(small_stack.stack())
    panel = ReportPanel(flow)
    panel.text.value = "slow: 1\nstack: a"
    panel.out.value = str(command / "out")
    job = panel.run()
    until(lambda: panel.runs.bar.value)
    panel.runs.cancel.click()
    assert job.wait(PATIENCE_S)  # its process would sleep for an hour
    assert job.state == JobState.CANCELLED
    assert not (command / "out").exists()
    flow.close()


def test_the_command_line_names_the_parameters():
    names = report.parameter_names("soc_map")
    assert {"stack", "references", "charged", "min_jump"} <= set(names)
