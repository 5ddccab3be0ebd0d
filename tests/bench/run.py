"""Run all benchmarks and write the table: ``python tests/bench/run.py [--only WORD] [--out FILE]``.

Everything is timed in one process on one thread of BLAS, alternatives in turns with ours.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import os
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import ModuleType

# Before numpy is imported: libraries that thread behind our back would compare unlike things.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

from harness import REPEATS, Row, measure  # noqa: E402

PACKAGES = (
    "socwidgets", "numpy", "scipy", "numba", "xarray", "pandas", "scikit-image", "scikit-learn",
    "lmfit", "lumafit", "PyXAS", "dask", "zarr", "h5py",
)  # fmt: skip


def load(path: Path) -> ModuleType:
    """Import a benchmark file by its path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def machine() -> dict[str, str]:
    """Processor, cores, memory, system and versions."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} not installed")
    load_now = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "Processor": f"{model}, {os.cpu_count()} cores",
        "System": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "Load at the start": load_now,
        "Versions": ", ".join(versions),
        "Date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def rows_of(module: ModuleType, repeats: int) -> list[Row]:
    """All rows of a benchmark file, printed as they come."""
    found: list[Row] = []

    def keep(row: Row) -> None:
        print("  " + line(row), flush=True)
        found.append(row)

    if hasattr(module, "cases"):
        for case in module.cases():
            for row in measure(case, repeats):
                keep(row)
    if hasattr(module, "rows"):
        for row in module.rows():
            keep(row)
    return found


def line(row: Row) -> str:
    """A row of the table."""
    verdict = "" if row.good is None else "yes" if row.good else "**no**"
    cells = (row.name, row.ours, row.other, row.theirs, row.ratio, row.target, verdict)
    return "| " + " | ".join(cells) + " |"


def table(title: str, rows: list[Row]) -> str:
    """A titled table in Markdown."""
    head = Row("what", "ours", "against", "theirs", "ratio", "target")
    top = line(head).removesuffix("|  |") + "| reached |"
    return "\n".join([f"## {title}", "", top, "|---" * 7 + "|", *map(line, rows), ""])


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="files whose name contains this word")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="runs that count, at least 1")
    options = parser.parse_args()
    described = machine()
    parts = []
    for path in sorted(HERE.glob("bench_*.py")):
        if options.only not in path.stem:
            continue
        print(path.stem, flush=True)
        try:
            module = load(path)
            rows = rows_of(module, options.repeats)
        except Exception as error:
            # One broken benchmark must not cost the others their hour; the table says it.
            rows = [Row(f"failed: {type(error).__name__}: {error}", "", good=False)]
            print("  " + line(rows[0]))
        title = (getattr(sys.modules.get(path.stem), "__doc__", "") or path.stem).splitlines()[0]
        parts.append(table(title.rstrip("."), rows))
        gc.collect()
    text = "\n".join(
        [
            "# Performance",
            "",
            "Made by `make bench`. Times are medians of "
            f"{options.repeats} runs, taken in turns with the alternative; a ratio is the "
            "alternative's time over ours. Comparisons use processor time, on one thread unless "
            "said; threads, files and start-up use the clock on the wall.",
            "",
            *(f"* {name}: {value}" for name, value in described.items()),
            "",
            *parts,
        ]
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, encoding="utf-8")
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
