"""Memory of results: taken over when nobody holds it, never before."""

from __future__ import annotations

import gc
import mmap
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from socwidgets.analysis import result_memory

pytestmark = pytest.mark.skipif(
    not hasattr(mmap, "MADV_FREE"), reason="this system keeps no memory for us"
)
SHAPE = (20, result_memory.LEAST // 64)


@pytest.fixture(autouse=True)
def _nothing_kept():
    result_memory.forget()
    yield
    gc.collect()
    result_memory.forget()


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_a_released_result_leaves_its_memory_to_the_next():
    first = result_memory.empty(SHAPE, np.float32)
    first[:] = 1.0
    place = address(first)
    del first
    smaller = result_memory.empty((20, SHAPE[1] * 9 // 10), np.float32)
    assert address(smaller) == place
    assert smaller.flags.c_contiguous
    assert smaller.flags.writeable
    assert smaller.dtype == np.float32


def test_a_view_keeps_its_memory():
    first = result_memory.empty(SHAPE, np.float32)
    first[:] = np.arange(20, dtype=np.float32)[:, None]
    view = first[3].reshape(-1, 4)[:, 1]
    del first
    for _ in range(2):
        other = result_memory.empty(SHAPE, np.float32)
        other[:] = -1.0
        assert not np.shares_memory(other, view)
        np.testing.assert_array_equal(view, 3.0)


def test_a_small_result_does_not_hold_a_large_one():
    large = result_memory.empty(SHAPE, np.float64)
    place = address(large)
    del large
    assert address(result_memory.empty(SHAPE, np.float32)) != place
    assert result_memory.empty((3, 5), np.float32).base is None


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(result_memory, "_SHARE", 0.0)
    held = result_memory.empty(SHAPE, np.float32)
    del held
    assert result_memory._kept == []


def test_threads_never_share_a_result():
    def fill(number: int) -> bool:
        for _ in range(10):
            mine = result_memory.empty(SHAPE, np.float32)[:, ::4096]
            mine[:] = number
            if not (mine == number).all():
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(fill, range(8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_does_not_write_into_its_parent():
    mine = result_memory.empty(SHAPE, np.float32)
    mine[:] = 1.0
    child = os.fork()
    if child == 0:
        mine[:] = 2.0
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (mine == 1.0).all()
