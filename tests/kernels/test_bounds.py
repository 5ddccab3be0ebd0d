"""No compiled function reads or writes outside its arrays: numba does not check unless told to."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("bounds_script.py")


@pytest.mark.slow
def test_kernels_stay_inside_their_arrays(tmp_path):
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        from bounds_script import numbers
    finally:
        sys.path.remove(str(SCRIPT.parent))
    # Not optimized: it is run once, and compiled in half the time.
    switches = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path)}
    environment = {**os.environ, **switches}
    path = tmp_path / "checked.npz"
    run = [sys.executable, str(SCRIPT), str(path)]
    subprocess.run(run, env=environment, check=True, capture_output=True, text=True)
    checked, expected = np.load(path), numbers()
    assert set(checked) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(checked[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
