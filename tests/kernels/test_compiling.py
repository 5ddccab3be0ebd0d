"""Whoever waits for a compiler may stop waiting: cancel, Ctrl-C, the end of the process, a fork."""

import os
import subprocess
import sys
import threading
import time

import pytest
from numba import njit
from numba.core.errors import TypingError
from patience import PATIENCE_S, until

from socwidgets.analysis import compile_watch
from socwidgets.analysis.blocks import blocks_in_memory, run_blocks
from socwidgets.analysis.frame_threads import each_frame
from socwidgets.kernels import compiling
from socwidgets.kernels.compiling import aside, asking, stoppable, under_way
from socwidgets.kernels.lm_lanes import jit_disabled
from socwidgets.model.errors import CancelledError
from socwidgets.model.watch import Watch

pytestmark = pytest.mark.skipif(jit_disabled(), reason="numba is off: nothing is compiled")


@pytest.fixture(autouse=True)
def nothing_else_compiles(monkeypatch):
    """Other tests of this process may have left a compiler running."""
    monkeypatch.setattr(compiling, "_running", {})


class Slow:
    """A compiled function whose compiler goes on only when it is told to."""

    def __init__(self):
        self.begun, self.go_on, self.compiled = threading.Event(), threading.Event(), 0
        self.function = stoppable(njit(nogil=True))(lambda x: x + 1.0)
        compile_one = self.function.compile

        def compile_slowly(signature):
            self.begun.set()
            assert self.go_on.wait(PATIENCE_S)
            self.compiled += 1
            return compile_one(signature)

        self.function.compile = compile_slowly

    def finish(self):
        self.go_on.set()
        while under_way():
            time.sleep(0.01)


@pytest.fixture
def slow():
    made = Slow()
    yield made
    made.finish()


def cancelled_after(event):
    """An event that is set soon after another one."""
    cancel = threading.Event()
    threading.Thread(target=lambda: event.wait(PATIENCE_S) and cancel.set(), daemon=True).start()
    return cancel


def test_the_call_ends_and_the_compiler_goes_on(slow):
    def check():
        if slow.begun.is_set():
            raise CancelledError

    with asking(check), pytest.raises(CancelledError):
        slow.function(1.0)
    assert slow.compiled == 0
    assert under_way()
    slow.finish()
    assert slow.compiled == 1
    assert slow.function(1.0) == 2.0
    assert slow.compiled == 1
    assert slow.function.nopython_signatures


def test_a_cancel_ends_blocks_that_wait(slow):
    blocks = blocks_in_memory(1, 100, 10)
    with pytest.raises(CancelledError):
        run_blocks(blocks, lambda _: slow.function(1.0), cancel=cancelled_after(slow.begun))
    assert slow.compiled == 0


def test_ctrl_c_ends_blocks_that_wait(slow, monkeypatch):
    monkeypatch.setattr(compile_watch, "TELL_AFTER_S", 0.0)

    def interrupt(done, total):
        assert (done, total) == (0, 100)
        raise KeyboardInterrupt

    blocks = blocks_in_memory(1, 100, 10)
    with pytest.raises(KeyboardInterrupt):
        run_blocks(blocks, lambda _: slow.function(1.0), progress=interrupt, workers=2)
    assert slow.compiled == 0


def test_a_cancel_ends_frames_that_wait(slow):
    watch = Watch(cancel=cancelled_after(slow.begun))
    with pytest.raises(CancelledError):
        list(each_frame(lambda _: slow.function(1.0), range(9), watch))
    assert slow.compiled == 0


def test_threads_that_want_the_same_compile_it_once(slow):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(slow.function(1.0)), daemon=True)
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    assert slow.begun.wait(PATIENCE_S)
    slow.finish()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert found == [2.0] * 3
    assert len(slow.function.signatures) == 1


def test_without_progress_it_is_said_once(slow, monkeypatch, caplog):
    monkeypatch.setattr(compile_watch, "TELL_AFTER_S", 0.0)
    compile_watch._say.cache_clear()
    blocks = blocks_in_memory(1, 20, 10)
    told = threading.Thread(target=lambda: until(lambda: caplog.records) and slow.go_on.set())
    told.start()
    run_blocks(blocks, lambda _: slow.function(1.0))
    assert [record.message for record in caplog.records] == [
        "compiling '<lambda>': once on this machine, up to a minute"
    ]


def test_errors_of_the_compiler_are_the_callers():
    wrong = stoppable(njit)(lambda x: x.no_such_thing)
    with pytest.raises(TypingError, match="no_such_thing"):
        wrong(1.0)
    with pytest.raises(ZeroDivisionError):
        aside(lambda: 1 / 0)
    assert not under_way()


def test_a_compiler_that_compiles_something_else_does_it_itself():
    inner = stoppable(njit)(lambda x: x + 1.0)
    assert aside(lambda: (inner(1.0), threading.current_thread().name)) == (
        2.0,
        "socwidgets-compiling",
    )


ENDS = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from socwidgets.kernels.compiling import LeftError, aside
begun = threading.Event()
pool = ThreadPoolExecutor(1)
def compile_forever():
    begun.set()
    while True:
        sum(range(1000))
def fit():
    try:
        aside(compile_forever)
    except LeftError:
        print("left")
pool.submit(fit)
assert begun.wait(120)
"""


def test_a_process_ends_while_it_compiles():
    done = subprocess.run(
        [sys.executable, "-c", ENDS],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_forked_amid_says_why_it_cannot_compile(slow):
    known = stoppable(njit)(lambda x: x + 2.0)
    assert known(1.0) == 3.0
    threading.Thread(target=lambda: slow.function(1.0), daemon=True).start()
    assert slow.begun.wait(PATIENCE_S)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            # What the parent had compiled works.
            if known(1.0) == 3.0:
                code = 2
                stoppable(njit)(lambda x: x)(1.0)
        except RuntimeError as error:
            code = 0 if "forked" in str(error) else 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # The parent goes on as before.
    slow.finish()
    assert slow.function(1.0) == 2.0
    assert not compiling._forked_amid.is_set()


def test_kernels_of_the_package_compile_aside():
    from socwidgets.kernels import edge, lcf, lm_run, normalization, optical_density, roi

    for module in (edge, lcf, lm_run, normalization, optical_density, roi):
        entries = [v for v in vars(module).values() if hasattr(v, "py_func")]
        assert entries, module
        for entry in entries:
            assert entry._compile_for_args.func is aside, entry
