"""Run the kernels on stacks of awkward sizes and write what they say: ``python ... FILE.npz``.

Neither pixels nor energies fill whole groups, samples are missing, references are few; a region
touches the border. Run with and without bounds checks, the numbers are the same.
"""

import sys

import numpy as np
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.label_table import label_statistics
from socwidgets.analysis.normalization import normalize
from socwidgets.analysis.optical_density import optical_density
from socwidgets.analysis.roi_index import TileIndex
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack

AXIS = np.concatenate(
    [np.arange(8200, 8321, 12.0), np.arange(8330, 8360, 1.5), np.arange(8361, 8630, 13.0)]
)


def example() -> tuple[xr.Dataset, xr.DataArray]:
    """Stack ``(E, 19, 31)`` of a step with a line, one pixel empty and one with a gap."""
    rng = np.random.default_rng(4)
    step = 1 / (1 + np.exp(-(AXIS - 8342) / 1.5))
    spectra = {
        name: step + 0.7 * np.exp(-(((AXIS - center) / 3) ** 2))
        for name, center in (("a", 8348.0), ("b", 8351.0))
    }
    share = rng.uniform(0.2, 0.8, (19, 31))
    signal = spectra["a"][:, None, None] * share + spectra["b"][:, None, None] * (1 - share)
    signal = signal + 0.3 + rng.normal(0, 0.01, signal.shape)
    signal[:, 2, 3], signal[5, 4, 4] = np.nan, np.nan
    stack = make_stack(signal.astype(np.float32), AXIS, quantity="optical_density", pixel_um=0.04)
    return stack, make_references({name: (AXIS, values) for name, values in spectra.items()})


def numbers() -> dict[str, np.ndarray]:
    """Results of the kernels that are linear in the data; the others have a test of their own."""
    stack, references = example()
    disc = (stack.y - stack.y.mean()) ** 2 + (stack.x - stack.x.max()) ** 2 < 0.2**2
    labels = xr.zeros_like(stack.signal[0], dtype=np.int32)
    labels[2:9, 3:8], labels[10:, 20:] = 1, 5
    counts = make_stack(
        np.random.default_rng(1).poisson(900, (5, 19, 31)).astype(np.uint16),
        AXIS[:5],
        quantity="counts",
    ).assign(i0=("energy", np.full(5, 1000.0)))
    found = {
        "lcf": fit_map(stack, references=references).fraction_a,
        "frames": fit_map(stack.chunk({"energy": 1}), references=references).fraction_a,
        "edge": fit_map(stack, "edge_energy", definition="half", e0=8342.0).edge_energy,
        "normalized": normalize(stack, e0=8342.0).signal,
        "density": optical_density(counts).signal,
        "region": TileIndex.build(stack).spectrum(disc)["mean"],
        "label": label_statistics(stack.signal[10].fillna(0), labels)["mean"],
    }
    return {name: np.asarray(values) for name, values in found.items()}


if __name__ == "__main__":
    np.savez(sys.argv[1], **numbers())
