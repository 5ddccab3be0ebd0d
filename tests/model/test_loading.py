"""Garbage collection is paused for loading, and for nothing else."""

import gc
import subprocess
import sys
import weakref

import pytest

from socwidgets.model.loading import collection_paused


class Node:
    """Something that can be garbage: it holds itself."""

    def __init__(self):
        self.me = self


def test_collection_goes_on_afterwards_and_finds_what_is_garbage():
    with collection_paused():
        assert not gc.isenabled()
        gone = weakref.ref(Node())
        with collection_paused():  # a second one ends nothing
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gone() is not None
    gc.collect()
    assert gone() is None


def test_errors_and_a_collection_that_was_off():
    with pytest.raises(ZeroDivisionError), collection_paused():
        1 / 0  # noqa: B018
    assert gc.isenabled()
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_others_have_frozen_stays_frozen():
    gc.freeze()
    try:
        count = gc.get_freeze_count()
        with collection_paused():
            pass
        # Some of them may be gone by now, as any object that nothing refers to.
        assert gc.get_freeze_count() > 0.9 * count > 0
    finally:
        gc.unfreeze()


def test_a_first_map_is_loaded_almost_without_collections():
    script = """
import gc
import numpy as np
from socwidgets.analysis.methods import get_method
from socwidgets.model.stack import make_stack
make_stack(np.ones((3, 2, 2)), [700.0, 701.0, 702.0])
get_method("lcf")
assert gc.isenabled()
print(sum(s["collections"] for s in gc.get_stats()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 150  # 470 otherwise
