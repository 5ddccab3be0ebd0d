"""Frames in threads: in their own order, the same numbers for any number of them, cancel."""

import threading
import time

import numpy as np
import pytest

from socwidgets.analysis import frame_threads
from socwidgets.analysis.frame_threads import each_frame
from socwidgets.analysis.registration import measure_drift, register
from socwidgets.analysis.rim_check import check_rim
from socwidgets.model.errors import CancelledError
from socwidgets.model.stack import make_stack
from socwidgets.model.watch import Watch
from socwidgets.phantoms.spectra import EDGES


@pytest.fixture(scope="module")
def drifting():
    """Twelve frames of a few disks that drift by half a pixel per frame."""
    rng = np.random.default_rng(5)
    energies = np.linspace(8330.0, 8360.0, 12)
    y, x = np.mgrid[:72, :80]
    depth = 0.2 + EDGES["NiO"](energies)
    frames = np.zeros((12, 72, 80), np.float32)
    for cy, cx, radius in rng.uniform((12, 12, 4), (60, 68, 9), (9, 3)):
        for i in range(12):
            distance = np.hypot(y - cy - 0.5 * i, x - cx + 0.3 * i)
            frames[i] += depth[i] / (1.0 + np.exp(2.0 * (distance - radius)))
    frames += rng.normal(0, 0.01, frames.shape).astype(np.float32)
    return make_stack(frames, energies, quantity="optical_density")


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order_and_few_are_held(monkeypatch, workers):
    monkeypatch.setattr(frame_threads, "processors", lambda: workers)
    begun, taken, most = [], 0, 0

    def work(i):
        begun.append(i)
        time.sleep(0.002 * (i % 3))
        return 10 * i

    for i, found in each_frame(work, range(3, 23)):
        assert found == 10 * i == 10 * (3 + taken)
        taken += 1
        most = max(most, len(begun) - taken)
    assert taken == 20
    assert most <= workers + 1


@pytest.mark.parametrize("workers", [1, 3])
def test_cancel_and_errors_end_it(monkeypatch, workers):
    monkeypatch.setattr(frame_threads, "processors", lambda: workers)
    cancel, begun, used = threading.Event(), [], set()

    def work(i):
        begun.append(i)
        used.add(threading.current_thread())
        if i == 4:
            cancel.set()

    with pytest.raises(CancelledError):
        list(each_frame(work, range(100), Watch(cancel=cancel)))
    assert len(begun) <= 5 + workers + 2

    def fails(i):
        used.add(threading.current_thread())
        time.sleep(0.1 * (i > 3))  # others are at work when it fails
        return 1 // (i - 3)

    with pytest.raises(ZeroDivisionError):
        list(each_frame(fails, range(100)))
    # These threads, not all of the process: other tests may have left some.
    assert [t for t in used if t.is_alive()] == [threading.current_thread()] * (workers == 1)


@pytest.mark.parametrize("masked", [False, True])
def test_drift_is_the_same_for_any_number_of_threads(drifting, monkeypatch, masked):
    mask = np.ones((72, 80), bool)
    mask[30:40, 30:40] = False
    found = []
    for workers in (1, 2, 5):
        monkeypatch.setattr(frame_threads, "processors", lambda workers=workers: workers)
        drift = measure_drift(drifting, mask=mask if masked else None)
        found.append(np.stack([drift.dy, drift.dx, drift.correlation]))
    np.testing.assert_allclose(np.diff(found[0][0]), 0.5, atol=0.1)
    np.testing.assert_allclose(np.diff(found[0][1]), -0.3, atol=0.1)
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_registered_frames_and_rim_are_the_same_for_any_number_of_threads(drifting, monkeypatch):
    found = []
    for workers in (1, 3):
        monkeypatch.setattr(frame_threads, "processors", lambda workers=workers: workers)
        registered = register(drifting)
        rim = check_rim(registered)
        found.append([registered.signal.values, rim.frames.to_array().values.astype(float)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_cancel_of_a_registration(drifting):
    cancel, heard = threading.Event(), []

    def progress(done, total):
        heard.append(done / total)
        if heard[-1] >= 0.3:
            cancel.set()

    with pytest.raises(CancelledError):
        register(drifting, progress=progress, cancel=cancel)
    assert heard == sorted(heard)
    assert heard[-1] < 0.6
