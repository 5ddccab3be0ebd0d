"""Many scans: planned, run side by side, resumed; one that fails says why and stops no other."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import threading

import pandas as pd
import pytest
from dask_cluster import cluster  # noqa: F401
from patience import ended, until

from socwidgets.analysis import distributed_fit
from socwidgets.analysis.distributed_fit import connect
from socwidgets.cli import main
from socwidgets.model.errors import OutputError, ParameterError, ReadError
from socwidgets.reports.batch import journal, run_batch
from socwidgets.reports.batch import run as batch_run
from socwidgets.reports.batch.cluster import ClusterRunner
from socwidgets.reports.batch.local import Runner
from socwidgets.reports.batch.plan import plan_batch
from socwidgets.reports.parameter_classes import ParticlesReport
from socwidgets.reports.results import Number, Results, write_results
from socwidgets.reports.scan import map_scan

TINY = "phantom:lfp:size_px 64,n_particles 5"

#: Stands for a report: writes results, at once or when it may, or crashes, as its parameters say.
FAKE = """
import json, os, pathlib, signal, sys, threading, time
job = json.loads(sys.stdin.readline())
def stop():
    sys.stdin.read(); os._exit(3)
threading.Thread(target=stop, daemon=True).start()
title = job["parameters"]["title"]
log = pathlib.Path(job["out"]).parents[1] / "runs.log"
with log.open("a") as file: file.write(job["name"] + "\\n")
sample = job["parameters"]["sample"]
while sample == "wait" and not log.with_name("go").exists(): time.sleep(0.02)
if title == "crash": os.kill(os.getpid(), signal.SIGKILL)
if title == "exit": sys.exit("it went wrong")
if title == "error": print(json.dumps({"error": "no light", "seconds": 1})); sys.exit()
out = pathlib.Path(job["out"]); out.mkdir(parents=True, exist_ok=True)
(out / "results.json").write_text(sys.argv[1])
print(json.dumps({"error": "", "seconds": 0.1}))
"""


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Replace the reports of a batch by small processes."""
    made = Results("soc_map", "A title", {}, {"mean": Number(0.5, "Mean", std=0.01)}, verdict="So.")
    write_results(made, tmp_path / "made.json")
    command = (sys.executable, "-c", FAKE, (tmp_path / "made.json").read_text())
    monkeypatch.setattr(batch_run, "Runner", lambda workers: Runner(workers, command))
    monkeypatch.setattr(batch_run, "ClusterRunner", lambda dask: ClusterRunner(dask, command))


def table(path, rows):
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def started(out):
    log = out / "runs.log"
    return sorted(log.read_text().split()) if log.is_file() else []


def rows_of(result):
    with result.summary.open() as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_a_table_gives_one_report_per_row_with_its_own_and_the_common_values(tmp_path):
    (tmp_path / "data").mkdir()
    rows = [
        {"name": "first", "stack": "a.hdr", "seed": 4},
        {"name": "", "stack": "/x/b.hdr", "seed": ""},
        {"name": "First", "stack": "c.hdr", "seed": "many"},
    ]
    path = table(tmp_path / "data" / "scans.csv", rows)
    tasks = plan_batch("soc_map", path, {"references": "/r.t,/s.t", "seed": 9})
    assert [task.name for task in tasks] == ["first", "b", "First-2"]
    assert tasks[0].parameters["stack"] == str(tmp_path / "data" / "a.hdr")
    assert [task.parameters["seed"] for task in tasks[:2]] == [4, 9]
    assert "whole number" in tasks[2].problem


def test_a_folder_gives_one_report_per_scan(tmp_path):
    from socwidgets.io import save_bundle
    from socwidgets.phantoms import lfp_ensemble, simulate_stxm

    stack = simulate_stxm(lfp_ensemble(seed=1, size_px=64, n_particles=3), seed=1)
    save_bundle(tmp_path / "b.nc", stack=stack)
    for name in ("a.hdr", "a_a000.xim", "notes.txt", ".hidden.h5"):
        (tmp_path / name).touch()
    tasks = plan_batch("soc_map", tmp_path, {"references": "/r.t,/s.t"})
    assert [task.name for task in tasks] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (None, ReadError, "no table or folder"),
        ("stak,seed\na,1\n", ParameterError, "did you mean stak -> stack"),
        ("stack,seed\n", ReadError, "no scan"),
        ("stack,seed\na,1,2\n", ReadError, "line 2"),
    ],
)
def test_a_wrong_table_is_refused_before_anything_starts(tmp_path, text, kind, said):
    path = tmp_path / "t.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(kind, match=said):
        run_batch("soc_map", path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_failures_of_every_kind_stop_no_other_and_are_tried_again(tmp_path, fake):
    rows = [
        {"name": name, "stack": TINY, "title": name, "seed": seed}
        for name, seed in (("good", 1), ("crash", 1), ("exit", 1), ("error", 1), ("bad", "x"))
    ]
    path, out, seen = table(tmp_path / "t.csv", rows), tmp_path / "out", []
    done = run_batch("soc_map", path, out, progress=lambda e, n, total: seen.append((n, total)))
    errors = {entry.name: entry.error for entry in done.entries}
    assert errors["good"] == ""
    assert "SIGKILL" in errors["crash"]
    assert "it went wrong" in errors["exit"]
    assert errors["error"] == "no light"
    assert "whole number" in errors["bad"]
    assert seen == [(n, 5) for n in range(1, 6)]
    summary = rows_of(done)
    assert list(summary) == [row["name"] for row in rows]
    assert (summary["good"]["mean"], summary["good"]["mean_std"]) == ("0.5", "0.01")
    assert summary["error"]["error"] == "no light"
    page = done.index.read_text()
    assert "no light" in page
    assert "<script" not in page
    first = started(out)
    again = run_batch("soc_map", path, out)
    assert [e.name for e in again.entries if e.resumed] == ["good"]
    assert started(out).count("good") == first.count("good") == 1
    assert started(out).count("crash") == 2


def test_changed_parameters_make_a_report_again(tmp_path, fake):
    path, out = table(tmp_path / "t.csv", [{"name": "a", "stack": TINY}]), tmp_path / "out"
    run_batch("soc_map", path, out)
    run_batch("soc_map", path, out)
    assert started(out) == ["a"]
    run_batch("soc_map", path, out, {"seed": 5})
    assert started(out) == ["a", "a"]
    (out / "reports" / "a" / "results.json").write_text("{}")  # damaged since
    run_batch("soc_map", path, out, {"seed": 5})
    assert started(out) == ["a", "a", "a"]


@pytest.mark.timeout(600)
def test_an_interrupted_batch_stops_its_processes_and_goes_on_later(tmp_path, fake):
    rows = [{"name": f"s{n}", "stack": TINY, "sample": "wait" if n else ""} for n in range(4)]
    path, out = table(tmp_path / "t.csv", rows), tmp_path / "out"

    def stop(entry, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch("soc_map", path, out, workers=2, progress=stop)  # the others would wait for ever
    assert "3 not begun" in (out / "index.html").read_text()
    quick = table(tmp_path / "t.csv", [{**row, "sample": ""} for row in rows])
    done = run_batch("soc_map", quick, out, workers=2)
    assert [entry.resumed for entry in done.entries] == [True, False, False, False]
    assert not done.failed


def test_a_line_that_a_crash_cut_off_is_ignored(tmp_path):
    path = tmp_path / journal.JOURNAL
    journal.append(path, journal.Entry("a", "f"))
    with path.open("a") as file:
        file.write('{"name": "b", "fing')
    assert list(journal.read_journal(path)) == ["a"]


def test_a_foreign_folder_and_a_second_batch_are_refused(tmp_path, fake):
    path = table(tmp_path / "t.csv", [{"name": "a", "stack": TINY, "sample": "wait"}])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(OutputError, match=r"thesis\.tex"):
        run_batch("soc_map", path, tmp_path / "other")
    out, first = tmp_path / "out", []
    thread = threading.Thread(
        target=lambda: first.append(run_batch("soc_map", path, out)), daemon=True
    )
    thread.start()
    until(lambda: started(out))
    with pytest.raises(OutputError, match="another run is writing"):
        run_batch("soc_map", path, out)
    (out / "go").touch()
    assert ended(thread)
    assert not first[0].failed
    assert not list(tmp_path.glob(".*lock"))


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_report(tmp_path, fake, cluster):  # noqa: F811
    rows = [{"name": f"s{n}", "stack": TINY, "sample": "wait"} for n in range(4)]
    path, out, killed = table(tmp_path / "t.csv", rows), tmp_path / "out", []

    def kill_one():
        until(lambda: len(started(out)) == 2)  # one on each worker, and none ends before it may
        victim = next(iter(cluster.workers.values())).process.pid
        os.kill(victim, signal.SIGKILL)
        killed.append(victim)
        (out / "go").touch()

    thread = threading.Thread(target=kill_one, daemon=True)
    thread.start()
    done = run_batch("soc_map", path, out, dask=cluster.scheduler_address)
    assert ended(thread)
    assert killed
    assert not done.failed
    assert len(started(out)) == 5  # four, and the one that was lost
    assert len(rows_of(done)) == 4


def test_a_cluster_that_is_not_there_is_said(tmp_path, fake, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("socwidgets.analysis.distributed_fit.CONNECT_S", 1)
    path = table(tmp_path / "t.csv", [{"name": "a", "stack": TINY}])
    with pytest.raises(ParameterError, match="no dask scheduler answers"):
        run_batch("soc_map", path, tmp_path / "out", dask="tcp://127.0.0.1:9")


@pytest.mark.slow
def test_the_command_line_makes_real_reports(tmp_path, capsys):
    rows = [
        {"name": "good", "stack": TINY, "references": ""},
        {"name": "absent", "stack": "no.hdr", "references": "a.t,b.t"},
    ]
    path, out = table(tmp_path / "t.csv", rows), tmp_path / "out"
    line = ["report", "batch", "soc_map", str(path), "-o", str(out), "-p", "draws=100"]
    assert main([*line, "--to", "html"]) == 1
    said = capsys.readouterr()
    assert "1 reports made, 0 kept from before, 1 failed" in said.out
    assert "absent: there is no file or folder" in said.err
    assert sorted(p.name for p in (out / "reports").iterdir()) == ["good"]
    names = {p.name for p in (out / "reports" / "good").iterdir()}
    assert names == {".socwidgets", "report.html", "results.json", "thumbnail.png"}
    page = (out / "index.html").read_text()
    assert 'href="reports/good/report.html"' in page
    assert "data:image/png;base64" in page
    assert json.loads((out / journal.JOURNAL).read_text().splitlines()[0])["name"]
    assert main([*line, "--to", "html"]) == 1
    assert "0 reports made, 1 kept from before, 1 failed" in capsys.readouterr().out


def test_a_report_whose_cluster_is_not_there_is_refused_before_it_starts(
    tmp_path, monkeypatch, capsys
):
    pytest.importorskip("distributed")
    monkeypatch.setattr("socwidgets.analysis.distributed_fit.CONNECT_S", 0.5)
    line = ["report", "run", "soc_map", "-o", str(tmp_path / "out"), "--dask", "tcp://127.0.0.1:9"]
    assert main(line) == 2
    assert "no dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_maps_of_one_report_come_from_the_cluster(tmp_path, cluster):  # noqa: F811
    line = ["report", "run", "particles", "-p", f"stack={TINY}", "-p", "draws=100", "--to", "json"]
    out = tmp_path / "far"
    assert main([*line, "-q", "-o", str(out), "--dask", cluster.scheduler_address]) == 0
    with connect(cluster.scheduler_address) as client:
        fits = client.run(lambda: distributed_fit._prepared.cache_info().misses)
    assert sum(fits.values()) >= 1
    found = json.loads((out / "results.json").read_text())["numbers"]
    here = map_scan(ParticlesReport(stack=TINY, draws=100)).card
    for name in ("mean", "sigma_true"):
        assert found[name]["value"] == here[name].value
