"""Which instruments the figures of the review use, and where these leave their defaults."""

import sys
from importlib import import_module
from unittest.mock import patch

import numpy as np

from socwidgets.phantoms import catalog
from socwidgets.plotting.review import REVIEW_FIGURES, review_figure

MODULES = ("chain", "channels", "composites", "cracks", "electrodes", "gradients")


def instruments(name, seed=1):
    """Instrument of each sample of a figure beside the default: ``(used, default)`` as mappings."""
    seen = []

    def recorded(phantom, instrument=None, seed=0, **changes):
        named = instrument is None or isinstance(instrument, str)
        default = catalog.default_instrument(phantom, instrument) if named else instrument
        fields = {k: v for k, v in changes.items() if k in default.to_dict()}
        used = default.replace(**fields)
        seen.append((type(used).__name__, used.to_dict(), default.to_dict()))
        return catalog.simulate(phantom, instrument, seed, **changes)

    patches = []
    for module in MODULES:
        home = import_module(f"socwidgets.plotting.review.{module}")
        if hasattr(home, "simulate"):
            patches.append(patch.object(home, "simulate", recorded))
    for one in patches:
        one.start()
    try:
        review_figure(name, seed=seed)
    finally:
        for one in patches:
            one.stop()
    return seen


def shown(values):
    """A number, or the range of those of several samples."""
    if isinstance(values[0], tuple):
        counts = sorted({len(v) for v in values})
        return f"{'-'.join(str(c) for c in counts)} energies"
    numbers = sorted({float(f"{v:.3g}") for v in values})
    return f"{numbers[0]:g}" if len(numbers) == 1 else f"{numbers[0]:g} to {numbers[-1]:g}"


def row(name, seed=1):
    """Line of the table: figure, instrument, each field that leaves its default."""
    seen = instruments(name, seed)
    kinds = sorted({kind.removesuffix("Instrument") for kind, _, _ in seen})
    fields = {}
    for _, used, default in seen:
        for field, value in used.items():
            same = value == default[field] if isinstance(value, tuple) else np.isclose(
                value, default[field]
            )  # fmt: skip
            if not same:
                fields.setdefault(field, ([], default[field]))[0].append(value)
    words = [
        f"`{field}` {shown(values)} ({shown([default])})"
        for field, (values, default) in fields.items()
    ]
    return f"| {name} | {', '.join(kinds)} | {'; '.join(words) or 'defaults'} |"


if __name__ == "__main__":
    for wanted in sys.argv[1:] or REVIEW_FIGURES:
        print(row(wanted), flush=True)
