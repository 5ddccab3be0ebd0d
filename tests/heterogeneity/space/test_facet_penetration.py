"""Penetration below facets: planted lengths within their noise, and clear errors."""

import numpy as np
import pytest
import xarray as xr
from planted_maps import map_set

from socwidgets.heterogeneity.space.facet_penetration import facet_penetration
from socwidgets.model.errors import DataError, ParameterError

SIZE = 60


def particle():
    """Octagon of 60 x 60 pixels of 1 um: distances from its two kinds of facets, and the mask."""
    y, x = np.meshgrid(*(np.arange(SIZE) - 29.5,) * 2, indexing="ij")
    square = 27.0 - np.maximum(abs(x), abs(y))
    diagonal = 28.0 - (abs(x) + abs(y)) / np.sqrt(2)
    return {"100": square, "111": diagonal}, np.minimum(square, diagonal) > 0


def planted(rng, distances, noise=0.03):
    values = 0.1 + np.maximum(
        0.8 * np.exp(-distances["100"] / 7.0), 0.7 * np.exp(-distances["111"] / 3.5)
    )
    return map_set(values + rng.normal(0, noise, values.shape), noise)


def test_pulls_of_both_lengths(rng):
    distances, inside = particle()
    labels = xr.DataArray(inside.astype(np.int32), dims=("y", "x"))
    pulls = []
    for _ in range(60):
        maps = planted(rng, distances)
        found = facet_penetration(maps, distances, labels=labels, rim_um=1.0)
        pulls.append([(found.lengths[k] - true) / found.sigmas[k]
                      for k, true in (("100", 7.0), ("111", 3.5))])  # fmt: skip
    # A root mean square of 60 is known to 9 %.
    assert np.sqrt(np.mean(np.square(pulls), axis=0)) == pytest.approx([1.0, 1.0], abs=0.3)
    assert found.core == pytest.approx(0.1, abs=0.02)
    assert found.amplitudes["100"] == pytest.approx(0.8, abs=0.05)
    # The gain tells what an error that pixels share does.
    moved = maps.assign(soc=maps["soc"] + 1e-4 * xr.DataArray(distances["100"], dims=("y", "x")))
    again = facet_penetration(moved, distances, labels=labels, rim_um=1.0)
    told = float(found.gain["100"] @ (1e-4 * distances["100"][found.used]))
    assert again.lengths["100"] - found.lengths["100"] == pytest.approx(told, rel=0.05)


def test_bad_input(rng):
    distances, _ = particle()
    maps = planted(rng, distances)
    with pytest.raises(ParameterError, match="no facet"):
        facet_penetration(maps, {})
    with pytest.raises(DataError, match="too few pixels"):
        facet_penetration(maps, distances, rim_um=40.0)
    far = {**distances, "110": np.full((SIZE, SIZE), 500.0)}
    with pytest.raises(DataError, match="nowhere the one that reaches deepest"):
        facet_penetration(maps, far, rim_um=1.0)
