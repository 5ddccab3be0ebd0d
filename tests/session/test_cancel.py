"""Long functions say how far they are and stop when they are asked to, also on lazy stacks."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import small_stack
import xarray as xr
from patience import PATIENCE_S, ended

import socwidgets as soc
from socwidgets.analysis.normalization import normalize
from socwidgets.analysis.rim_check import with_rim_check
from socwidgets.io import save_bundle
from socwidgets.io.lazy import PIECE_BYTES
from socwidgets.jobs import Job, JobRunner, JobState, abandonable
from socwidgets.model.errors import CancelledError
from socwidgets.model.stack import make_stack
from socwidgets.model.watch import NOBODY, Watch, ambient, watched_by
from socwidgets.techniques.stxm import prepare_stxm

EDGE = {"pre": (700.0, 703.0), "post": (720.0, 725.0)}
STEP = {"e0": 708.0, "pre": (-8.0, -4.0), "post": (10.0, 17.0), "post_degree": 0}


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Counts behind a beam that drifts over them, their optical density, and maps."""
    folder = tmp_path_factory.mktemp("cancel")
    path, _ = small_stack.write_scan(folder)
    counts = soc.open_stack(path)
    flat = counts["signal"].isel(y=slice(0, 2)).mean(("y", "x"))
    od = soc.optical_density(counts, flat=flat, noise="poisson")
    od["signal"] += np.random.default_rng(1).normal(0, 0.01, od["signal"].shape).astype(np.float32)
    references = small_stack.references()
    maps = soc.soc_map(soc.fit_map(od, "lcf", references=references, workers=1))
    return {
        "path": path,
        "counts": counts,
        "flat": flat,
        "od": od,
        "maps": maps,
        "references": references,
        "labels": soc.segment_particles(maps["thickness"]),
    }


WORK = {
    "open": lambda g, **w: soc.open_stack(g["path"], **w),
    "density": lambda g, **w: soc.optical_density(g["counts"], flat=g["flat"], **w),
    "register": lambda g, **w: soc.register(g["od"], threshold_px=0.0, max_shift_px=9.0, **w),
    "rows": lambda g, **w: soc.register(g["od"], raster=True, row_step=8, **w),
    "rim": lambda g, **w: with_rim_check(g["od"], **w),
    "offset": lambda g, **w: prepare_stxm(g["od"], **EDGE, max_od=3.0, **w),
    "normalize": lambda g, **w: normalize(g["od"], **STEP, **w),
    "jump": lambda g, **w: soc.edge_jump(g["od"], **EDGE, **w),
    "fit": lambda g, **w: soc.fit_map(
        g["od"], "lcf", references=g["references"], block_pixels=64, **w
    ),
    "particles": lambda g, **w: soc.segment_particles(g["maps"]["thickness"], **w),
    "card": lambda g, **w: soc.heterogeneity_card(g["maps"], g["labels"], draws=300, **w),
}
LAZY = ("density", "register", "rim", "offset", "normalize", "jump", "fit")


def lazily(given):
    counts, od = given["counts"], given["od"]
    return {**given, "counts": counts.chunk(energy=5, y=12), "od": od.chunk(energy=13, y=8)}


@pytest.mark.parametrize("name", WORK)
def test_progress_rises_to_the_end_or_near_it(given, name):
    told: list[float] = []
    WORK[name](given, progress=lambda done, total: told.append(done / total), cancel=None)
    assert len(told) >= 3
    assert told == sorted(told)
    assert 0.75 <= told[-1] <= 1.0


@pytest.mark.parametrize(
    ("name", "lazy"), [*((name, False) for name in WORK), *((name, True) for name in LAZY)]
)
def test_a_cancel_midway_ends_the_work_itself(given, name, lazy):
    """Work that did not heed it would return its result."""
    cancel, told = threading.Event(), []

    def progress(done: int, total: int) -> None:
        told.append(done / total)
        if 0 < done < total:
            cancel.set()

    with pytest.raises(CancelledError):
        WORK[name](lazily(given) if lazy else given, progress=progress, cancel=cancel)
    assert max(told) < 1.0


def test_a_graph_computed_elsewhere_is_not_stopped(given):
    """dask calls back for all graphs of the process."""
    from socwidgets.analysis.watched_graph import graph_watched_by

    cancel, found = threading.Event(), []
    cancel.set()
    lazy = given["od"]["signal"].chunk(y=4)

    def elsewhere() -> None:
        found.append(float(lazy.sum().compute()))

    with graph_watched_by(Watch(None, cancel)):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        assert ended(thread)
        with pytest.raises(CancelledError):
            lazy.sum().compute()
    assert found == [pytest.approx(float(given["od"]["signal"].sum()))]


def test_a_large_file_is_read_in_pieces(tmp_path):
    """A bundle in memory is exactly what was saved, and a cancel ends the reading between them."""
    energies = np.linspace(700.0, 725.0, 40)
    values = np.arange(40 * 512 * 512, dtype=np.float32).reshape(40, 512, 512)
    assert values.nbytes > PIECE_BYTES
    stack = make_stack(values, energies, quantity="optical_density", pixel_um=0.1)
    path = save_bundle(tmp_path / "large.nc", stack=stack)
    told: list[int] = []
    opened = soc.open_stack(path, progress=lambda done, total: told.append(done))
    xr.testing.assert_identical(opened["signal"], stack["signal"])
    assert len(set(told)) > 3
    cancel = threading.Event()
    with pytest.raises(CancelledError):
        soc.open_stack(path, progress=lambda done, _t: done and cancel.set(), cancel=cancel)


def test_shares_of_a_watch_add_up():
    told: list[tuple[int, int]] = []
    watch = Watch(lambda done, total: told.append((done, total)))
    half = watch.part(0.5, 1.0)
    assert list(half.part(0.0, 0.5).over("abcd", 4)) == list("abcd")
    half(1, 1)
    assert told == [(500, 1000), (562, 1000), (625, 1000), (688, 1000), (1000, 1000)]
    assert ambient() is NOBODY
    with watched_by(half):
        assert ambient() is half
    assert ambient() is NOBODY


def test_a_cancelled_job_leaves_no_thread_behind():
    """The worker is idle when the job says that it is cancelled: at once for what heeds it."""
    begun, its = threading.Event(), []

    def heeds(progress, cancel):
        its.append(threading.current_thread())
        while True:
            Watch(progress, cancel)(1, 10_000)
            begun.set()
            cancel.wait(0.001)

    job = JobRunner().submit("heeds", abandonable(heeds))
    assert begun.wait(PATIENCE_S)
    job.cancel()
    assert job.wait(PATIENCE_S)
    assert job.state == JobState.CANCELLED
    assert job.progress[1] == 1000
    assert ended(its[0])


def test_work_that_heeds_nothing_is_left_alone():
    begun, release, its = threading.Event(), threading.Event(), []

    def deaf(progress, cancel):
        its.append(threading.current_thread())
        begun.set()
        release.wait()
        progress(1, 1)

    heard: list[Job] = []
    job = JobRunner().submit("deaf", abandonable(deaf), on_change=heard.append)
    assert begun.wait(PATIENCE_S)
    job.cancel()
    assert job.wait(PATIENCE_S)
    assert its[0].is_alive()  # the work itself goes on
    assert job.state == JobState.CANCELLED
    calls = len(heard)
    release.set()
    assert ended(its[0])
    assert len(heard) == calls
