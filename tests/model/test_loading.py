"""Loading: garbage collection is paused for it, and what nobody uses is left out."""

import gc
import subprocess
import sys
import weakref

import pytest

from socwidgets.model.loading import collection_paused


def in_a_new_process(script: str) -> str:
    """What a script prints."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


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
    assert int(in_a_new_process(script)) < 150  # 470 otherwise


def test_a_first_map_in_memory_leaves_dask_and_the_tools_of_numpy_alone():
    pytest.importorskip("dask.array")
    script = """
import sys
import numpy as np
from socwidgets.analysis.methods import get_method
from socwidgets.model.stack import make_stack
stack = make_stack(np.ones((3, 2, 2)), [700.0, 701.0, 702.0])
get_method("lcf")
print([name for name in ("dask.array", "numpy.f2py", "numpy.testing") if name in sys.modules])
import dask.array as da
import xarray as xr
from xarray.namedarray.pycompat import array_type, mod_version
lazy = stack.signal.chunk({"y": 1})
assert isinstance(lazy.data, da.Array) and array_type("dask") == (da.Array,)
assert xr.Variable("x", da.zeros(3)).chunks == ((3,),)
assert mod_version("dask").major >= 2020
assert float((lazy + 1).sum()) == 24.0
np.testing.assert_equal(1, 1)
assert np.f2py.__file__ and sys.modules["numpy.testing"] is np.testing
"""
    assert in_a_new_process(script) == "[]"


def test_tools_asked_for_while_they_are_put_off_are_there():
    script = """
import sys
import numpy as np
from socwidgets.model.loading import tools_put_off
with tools_put_off():
    tools = np.testing
    assert "numpy.testing" not in sys.modules
    tools.assert_equal(1, 1)
    assert np.testing is sys.modules["numpy.testing"]
assert np.testing is sys.modules["numpy.testing"]
with tools_put_off():
    assert np.testing is sys.modules["numpy.testing"]
print("f2py" in vars(np), np.f2py.__name__)
"""
    assert in_a_new_process(script) == "False numpy.f2py"
