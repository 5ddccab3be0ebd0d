"""The command line: what it prints, how it ends, and that an error is a message."""

import os
import subprocess
import sys

import nbformat
import pytest

from socwidgets.cli import main
from socwidgets.model.provenance import package_version


def test_version_and_module_entry():
    done = subprocess.run(
        [sys.executable, "-m", "socwidgets", "--version"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.strip() == f"socwidgets {package_version()}"


def test_the_help_does_not_wait_for_notebooks_or_figures():
    code = (
        "import sys\nfrom socwidgets.cli import build_parser\nbuild_parser()\n"
        "print([n for n in ('nbformat', 'papermill', 'matplotlib', 'numba') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 2
    assert "report" in capsys.readouterr().out


def test_list_and_params(capsys):
    assert main(["report", "list"]) == 0
    assert "soc_map" in capsys.readouterr().out
    assert main(["report", "params", "soc_map"]) == 0
    text = capsys.readouterr().out
    assert "constraint (str, default non_negative)" in text
    assert "one of none, non_negative, sum_to_one, simplex" in text
    assert "energy_low (Optional[float] in eV, default empty)" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "run", "soc_mapp", "-o", "out"], "did you mean 'soc_map'?"),
        (["report", "run", "soc_map", "-p", "stak=a", "-o", "out"], "did you mean stak -> stack?"),
        (["report", "run", "soc_map", "-p", "draws", "-o", "out"], "NAME=VALUE"),
        (["report", "run", "soc_map", "-p", "draws=few", "-o", "out"], "a whole number"),
        (["report", "run", "soc_map", "--to", "docx", "-o", "out"], "html, json"),
        (["report", "run", "soc_map", "-f", "absent.yaml", "-o", "out"], "absent.yaml"),
        (["report", "params", "nothing"], "no report template"),
    ],
)
def test_errors_are_messages_with_exit_code_2(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_error_itself():
    from socwidgets.model.errors import ParameterError

    with pytest.raises(ParameterError):
        main(["--debug", "report", "params", "nothing"])


def test_a_reader_that_has_enough_ends_the_command_quietly():
    command = [sys.executable, "-m", "socwidgets", "report", "params", "soc_map"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert (process.wait(), said) == (0, "")


def test_an_interrupt_ends_without_a_traceback(monkeypatch, capsys):
    from socwidgets import reports

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(reports, "run_report", stop)
    assert main(["report", "run", "soc_map", "-o", "out"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_parameters_of_a_file_and_of_the_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text("seed: 5\ndraws: 300\npre: [700, 705]\ncharged:\n")
    line = ["report", "run", "soc_map", "-f", "p.yaml", "-p", "seed=6", "--to", "notebook"]
    assert main([*line, "-o", "out"]) == 0
    notebook = nbformat.read(tmp_path / "out" / "soc_map.ipynb", as_version=4)
    injected = next(
        c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])
    )
    for text in ("seed = 6", "draws = 300", "pre = [700.0, 705.0]", "charged = None"):
        assert text in injected.source
    assert "notebook to edit" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1", "just text"])
def test_a_file_that_holds_no_parameters(tmp_path, capsys, text):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    line = ["report", "copy", "soc_map", str(tmp_path), "-f", str(path)]
    assert main(line) == 2
    assert "parameters" in capsys.readouterr().err
    assert not (tmp_path / "soc_map.ipynb").exists()


def test_copy_prints_where_it_is(tmp_path, capsys):
    assert main(["report", "copy", "soc_map", str(tmp_path), "-p", "seed=9"]) == 0
    path = tmp_path / "soc_map.ipynb"
    assert capsys.readouterr().out.strip() == str(path)
    assert "seed = 9" in path.read_text()
    assert main(["report", "copy", "soc_map", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err


def test_lab_opens_a_copy_and_keeps_an_old_one(tmp_path, monkeypatch, capsys):
    called = []
    monkeypatch.setattr(subprocess, "call", lambda command: called.append(command) or 0)
    assert main(["lab", "-o", str(tmp_path / "mine"), "--", "--no-browser"]) == 0
    copied = tmp_path / "mine" / "00_start_here.ipynb"
    assert "Start here" in copied.read_text(encoding="utf-8")
    assert called[0][-2:] == [str(copied), "--no-browser"]
    copied.write_text("mine")
    assert main(["lab", "-o", str(tmp_path / "mine")]) == 0
    assert copied.read_text() == "mine"


@pytest.mark.slow
def test_the_demo_says_where_how_well_and_what_next(tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    for name in ("report.html", "results.json", "report.ipynb", "soc_map.nc"):
        assert name in text
        assert (tmp_path / "out" / name).is_file()
    assert "mean error of the SOC" in text
    assert "sd of (found - true)/sigma" in text
    assert "socwidgets lab" in text
