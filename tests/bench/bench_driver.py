"""fit_map as users call it: scaling, threads, memory, larger than memory, start-up."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from bench_lcf import AXIS, spectra, stack
from harness import REPEATS, Row, medians, seconds

from socwidgets.analysis.fit import fit_map, warm_up
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack

#: Side of an image whose pixels cost a fit next to nothing.
TINY = 16
ROOT = Path(__file__).resolve().parents[2]


def problem(side: int) -> tuple[xr.Dataset, xr.DataArray]:
    """Stack ``side x side x 100`` of two components, and its references."""
    references = spectra(2)
    signal = stack(references, side * side).reshape(AXIS.size, side, side)
    made = make_stack(signal, AXIS, quantity="optical_density", pixel_um=0.04)
    return made, make_references({"a": (AXIS, references[0]), "b": (AXIS, references[1])})


def free_memory() -> int:
    """Bytes at hand; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError):
        return 0


def scaling() -> Iterator[Row]:
    """Time per pixel of one thread from small to large images, in turns; two threads; memory.

    By processor time, as the clock on the wall tells what else runs. Linear is what lies on a line
    ``fixed + slope * pixels`` with a fixed part that is small: both are told, and the time per
    pixel of the smallest image holds the fixed part. A plain read of the same stack beside it shows
    how much of a difference is the memory of the machine.
    """
    stacks, room = {}, free_memory()
    for side in (TINY, 512, 1024, 2048, 4096):
        needed = 1.3 * side * side * 400
        if needed > room:
            yield Row(f"fit_map {side} x {side} x 100", "not enough memory free")
            continue
        stacks[side], references = problem(side)
        room -= needed
    times: dict[tuple[str, int], list[float]] = {}
    for turn in range(REPEATS + 1):
        for side, images in stacks.items():
            calls = max(1, min(20, (1024 // side) ** 2))
            fit = partial(fit_map, images, references=references, workers=1)
            for name, function in (("fit", fit), ("read", images.signal.values.sum)):
                start = time.process_time()
                for _ in range(calls):
                    function()
                if turn:
                    spent = (time.process_time() - start) / calls / side**2
                    times.setdefault((name, side), []).append(spent)
    found = {key: statistics.median(values) for key, values in times.items()}
    yield Row(
        f"fit_map {TINY} x {TINY} x 100, one thread, the whole fit",
        seconds(found["fit", TINY] * TINY**2),
    )
    sides = list(stacks)[1:]
    fixed, slope = line([(side**2, found["fit", side] * side**2) for side in sides])
    yield Row("line through the sizes below: fixed part", seconds(fixed))
    for side in sides:
        on_line = slope + fixed / side**2
        share = found["fit", side] / on_line
        yield Row(
            f"fit_map {side} x {side} x 100, one thread, per pixel", seconds(found["fit", side]),
            f"on the line, {seconds(slope)} + fixed", seconds(on_line), f"{share:.3f}",
            "0.9 to 1.1", 0.9 <= share <= 1.1,
        )  # fmt: skip
        yield Row(
            "the same, against 512 x 512", seconds(found["fit", side]), "512 x 512",
            seconds(found["fit", 512]), f"{found['fit', side] / found['fit', 512]:.3f}",
        )  # fmt: skip
        yield Row(
            f"the same, against a sum of the stack of {side} x {side}", seconds(found["fit", side]),
            "np.sum", seconds(found["read", side]),
            f"{found['read', side] / found['fit', side]:.3f}",
        )  # fmt: skip
    if 2048 in stacks:
        yield from threads_and_memory(stacks[2048], references)


def line(points: list[tuple[int, float]]) -> tuple[float, float]:
    """Fixed part and slope of the line with the least squares of relative deviations."""
    size, spent = np.array(points, float).T
    rows = np.stack([1 / spent, size / spent], axis=1)
    fixed, slope = np.linalg.lstsq(rows, np.ones(len(points)))[0]
    return float(fixed), float(slope)


def threads_and_memory(images: xr.Dataset, references: xr.DataArray) -> Iterator[Row]:
    """Two threads against one; what is allocated at most beside the stack."""
    found = medians(
        {n: (lambda n=n: fit_map(images, references=references, workers=n)) for n in (1, 2)}
    )
    ratio = found[1] / found[2]
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    yield Row(
        f"fit_map 2048 x 2048 x 100, two threads ({load})", seconds(found[2]), "one thread",
        seconds(found[1]), f"{ratio:.3g}", ">= 1.6 on two idle cores", ratio >= 1.6,
    )  # fmt: skip
    tracemalloc.start()
    maps = fit_map(images, references=references)
    # Large maps lie in memory of ours, which is not traced.
    used = tracemalloc.get_traced_memory()[1] + maps.nbytes
    tracemalloc.stop()
    peak = used / (images.sizes["y"] * images.sizes["x"])
    yield Row(
        "memory beside the stack, 20 maps", f"{peak:.0f} bytes per pixel", target="<= 200",
        good=peak <= 200,
    )  # fmt: skip


def out_of_core() -> Iterator[Row]:
    """Files cut by frame and by block: time to read everything over time to fit it."""
    import zarr

    images, references = problem(1024)
    values = images.signal.values
    with tempfile.TemporaryDirectory() as folder:
        for words, chunks in (("by frame", (1, 1024, 1024)), ("by block", (100, 64, 1024))):
            for kind in ("zarr", "HDF5"):
                path = Path(folder) / f"{kind}-{chunks[0]}"
                if kind == "zarr":
                    zarr.create_array(path, data=values, chunks=chunks)
                else:
                    import h5py

                    with h5py.File(path, "w") as file:
                        file.create_dataset("signal", data=values, chunks=chunks)
                lazy = lazy_stack(images, path, kind, chunks)
                found = medians(
                    {
                        "read": lambda lazy=lazy: read_all(lazy),
                        "fit": lambda lazy=lazy: fit_map(lazy, references=references),
                    }
                )
                ratio = found["read"] / found["fit"]
                yield Row(
                    f"fit_map of a {kind} file, cut {words}, 420 MB", seconds(found["fit"]),
                    "reading it", seconds(found["read"]), f"{ratio:.2f}", ">= 0.8", ratio >= 0.8,
                )  # fmt: skip


def lazy_stack(like: xr.Dataset, path: Path, kind: str, chunks: tuple[int, ...]) -> xr.Dataset:
    """The stack as a dask array over a file."""
    import dask.array as da

    if kind == "zarr":
        signal = da.from_zarr(str(path))
    else:
        import h5py

        signal = da.from_array(h5py.File(path, "r")["signal"], chunks=chunks)
    return like.assign(signal=(like.signal.dims, signal, like.signal.attrs))


def read_all(lazy: xr.Dataset) -> None:
    """Read every chunk once, with dask's threads, keeping none."""
    lazy.signal.data.map_blocks(lambda block: block[:1, :1, :1], chunks=(1, 1, 1)).compute()


#: A larger-than-memory stand-in: frames that are made when they are read.
_STREAM = """
import sys
import dask.array as da, numpy as np
sys.path[:0] = [{root!r}, {here!r}]
from bench_lcf import AXIS, spectra
from socwidgets.analysis.fit import fit_map
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
shape = ({energies}, 2048, 2048)
axis = np.linspace(700, 730, shape[0])
s = [np.interp(axis, AXIS, x) for x in spectra(2)]
def frame(block_info=None):
    e = block_info[None]["chunk-location"][0]
    base = np.float32(0.5 * s[0][e] + 0.3 * s[1][e])
    noise = np.random.default_rng(e).standard_normal(shape[1:], dtype=np.float32)
    return (base + 0.02 * noise)[None]
data = da.map_blocks(frame, chunks=((1,) * shape[0], shape[1:2], shape[2:]), dtype="f4",
                     meta=np.empty((0, 0, 0), "f4"))
first = make_stack(np.zeros((shape[0], 2, 2), "f4"), axis, quantity="optical_density")
stack = first[["energy"]].assign(signal=(("energy", "y", "x"), data, first.signal.attrs))
stack = stack.assign_coords(y=np.arange(shape[1]) * 0.04, x=np.arange(shape[2]) * 0.04)
for name in ("y", "x"):
    stack[name].attrs.update(first[name].attrs)
stack.attrs = first.attrs
maps = fit_map(stack, references=make_references({{"a": (axis, s[0]), "b": (axis, s[1])}}))
assert abs(float(maps.fraction_a.mean()) - 0.625) < 0.01
# Not ru_maxrss, which a new process takes over from the one that started it.
lines = open("/proc/self/status").read().splitlines()
print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024)
"""


def stream_memory() -> Iterator[Row]:
    """Largest memory of a process that fits a stack of 5 GB, frame by frame."""
    energies = 300
    script = _STREAM.format(root=str(ROOT), here=str(Path(__file__).parent), energies=energies)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    size = energies * 2048 * 2048 * 4 / 1e9
    if done.returncode:
        yield Row("streaming", f"failed: {done.stderr.strip().splitlines()[-1]}", good=False)
        return
    used = float(done.stdout.split()[-1])
    yield Row(
        f"memory of a process that fits {size:.1f} GB by frame", f"{used:.0f} MB",
        target="< 1000 MB", good=used < 1000,
    )  # fmt: skip


_START = """
import sys, time
sys.path[:0] = [{root!r}]
import numpy as np
from socwidgets.analysis.fit import fit_map
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
axis = np.linspace(700, 730, 40)
s = [np.exp(-((axis - c) ** 2) / 4) for c in (708, 712)]
signal = 0.5 * (s[0] + s[1])[:, None, None] + np.random.default_rng(0).normal(0, 0.02, (40, 64, 64))
stack = make_stack(signal.astype("f4"), axis, quantity="optical_density", pixel_um=0.04)
fit_map(stack, references=make_references({{"a": (axis, s[0]), "b": (axis, s[1])}}))
"""


#: What a plain installation is: xarray loads a part of dask wherever it finds it.
_NO_DASK = """
import importlib.util, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "dask":
            raise ModuleNotFoundError(name)
_find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name.split(".")[0] == "dask" else _find(name, package)
)
sys.meta_path.insert(0, Hidden())
"""


def start_up() -> Iterator[Row]:
    """First map of a fresh process, compiled code on disk; with dask and without it."""
    warm_up()
    for words, head in (("", _NO_DASK), (", dask installed", "")):
        wall, busy = [], []
        for run in range(REPEATS + 1):
            start, before = time.perf_counter(), os.times()
            code = head + _START.format(root=str(ROOT))
            subprocess.run([sys.executable, "-c", code], check=True)
            after = os.times()
            if run:
                wall.append(time.perf_counter() - start)
                spent = after.children_user + after.children_system
                busy.append(spent - before.children_user - before.children_system)
        found = statistics.median(wall)
        yield Row(
            f"first map in a fresh process, imports included{words}", seconds(found),
            "its processor time", seconds(statistics.median(busy)), target="< 1.5 s",
            good=found < 1.5,
        )  # fmt: skip


def rows() -> Iterator[Row]:
    """Everything, the quick ones first."""
    yield from start_up()
    yield from out_of_core()
    yield from stream_memory()
    yield from scaling()
