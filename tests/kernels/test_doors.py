"""Doors and what is behind them: what Python may call, and what is kept on disk."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import socwidgets.kernels
from socwidgets.kernels.doors import kept
from socwidgets.kernels.lm_lanes import jit_disabled

KERNELS = Path(socwidgets.kernels.__file__).parent
#: The first compiled function of a process, and a user's function, whose type is asked for.
_OTHERS = {"doors.py", "first_call.py", "lm_user.py"}


def test_kernels_are_made_of_doors_and_inner_functions():
    found = {
        path.name
        for path in KERNELS.glob("*.py")
        if re.search(r"\bimport (njit|jit)\b|\bnumba\.n?jit\b", path.read_text(encoding="utf-8"))
    }
    assert found <= _OTHERS


@pytest.mark.skipif(jit_disabled(), reason="numba is off: nothing is compiled")
def test_only_doors_are_kept_and_inner_functions_can_be_called(tmp_path, monkeypatch):
    (tmp_path / "kernel.py").write_text(
        """
from socwidgets.kernels.doors import doors

door, inner = doors(error_model="numpy", fastmath={"contract"})


@inner
def half(x):
    return 0.5 * x


@inner
def shifted(x, by):
    return half(x) + by


@door
def apply(x, by):
    return shifted(x, by)
"""
    )
    script = """
from kernel import apply, half, shifted
assert (half(3.0), shifted(3.0, 1.0)) == (1.5, 2.5)
assert apply(3.0, 1.0) == 2.5
assert len(apply.signatures) == 1
# Compiled by now, and still no function that Python can call but itself.
assert (half(3.0), shifted(3.0, 1.0)) == (1.5, 2.5)
"""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    kept = [path.name for path in (tmp_path / "cache").rglob("*.nbc")]
    assert len(kept) == 1
    assert "apply" in kept[0]


@pytest.mark.parametrize(("said", "works"), [("no locator available", True), ("broken", False)])
def test_without_a_place_on_disk_functions_are_compiled_all_the_same(said, works):
    """A package that belongs to somebody else, and a home that cannot be written to."""

    def jit(*, cache=False):
        def decorate(function):
            if cache:
                raise RuntimeError(f"cannot cache function: {said}")
            return function

        return decorate

    if works:
        assert kept(jit, len) is len
    else:
        with pytest.raises(RuntimeError, match="broken"):
            kept(jit, len)
