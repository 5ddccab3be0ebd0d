"""Pairs of pixels at given offsets, summed by resampling unit: what variograms are made of."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from socwidgets.heterogeneity.bootstrap import Units, stop_if
from socwidgets.heterogeneity.sample import Sample


@dataclass(frozen=True, slots=True)
class PairSums:
    """Sums over pairs.

    Attributes
    ----------
    table : ndarray
        ``(offsets, units, 5)``, columns as `socwidgets.kernels.pairs.PAIR_COLUMNS`.
    distance : ndarray
        ``(offsets,)`` length of each offset, pixels.
    """

    table: np.ndarray
    distance: np.ndarray

    @property
    def pairs(self) -> np.ndarray:
        """``(offsets,)`` number of pairs."""
        return self.total("pairs")

    def total(self, column: str) -> np.ndarray:
        """``(offsets,)`` sum of one column over all units."""
        return self.column(column).sum(axis=1)

    def column(self, column: str) -> np.ndarray:
        """``(offsets, units)`` of one column."""
        from socwidgets.kernels.pairs import PAIR_COLUMNS

        return self.table[:, :, PAIR_COLUMNS.index(column)]


def offsets_along(sample: Sample, axis: int) -> list[tuple[int, ...]]:
    """Offsets along one axis of the map, up to a third of the field."""
    place = sample.position[axis]
    reach = max((int(place.max() - place.min()) + 1) // 3, 1)
    lags = sorted(set(np.rint(np.geomspace(1, reach, 24)).astype(int).tolist()))
    return [tuple(lag if i == axis else 0 for i in range(len(sample.shape))) for lag in lags]


def sum_pairs(
    sample: Sample,
    offsets: Sequence[tuple[int, ...]],
    units: Units | None = None,
    *,
    same_label: bool = False,
    cancel: threading.Event | None = None,
) -> PairSums:
    """Sum over the pairs of pixels at each offset.

    Parameters
    ----------
    sample : Sample
        Usable pixels; values enter with their weighted mean taken off.
    offsets : sequence of tuple of int
        ``(dy, dx)``, dy >= 0, within the layers of a volume; or ``(dz, dy, dx)`` with dz >= 0, and
        dy >= 0 where dz is 0.
    units : Units, optional
        Resampling units; one for all if left out.
    same_label : bool
        Leave out pairs across two particles.
    cancel : threading.Event, optional
        Looked at before every offset.

    Raises
    ------
    CancelledError
        If `cancel` was set.
    """
    from socwidgets.kernels.pairs import PAIR_COLUMNS, pair_sums

    height, width = sample.shape[-2:]
    # Layers one under the other are one image; rows between them that belong to no mask keep an
    # offset from reaching into the wrong layer.
    rows = height + max((abs(offset[-2]) for offset in offsets), default=0)

    def stacked(image: np.ndarray, fill: float) -> np.ndarray:
        if image.ndim == 2:
            return image
        layers = image.reshape(-1, height, width)
        padded = np.full((len(layers), rows, width), fill, image.dtype)
        padded[:, :height] = layers
        return padded.reshape(-1, width)

    values = sample.image(sample.values - np.average(sample.values, weights=sample.weights))
    noise = sample.image(np.nan_to_num(sample.noise_variance))
    block = np.full(sample.shape, -1, np.int32)
    block[sample.position] = 0 if units is None else units.index
    count = 1 if units is None else units.count
    label = np.zeros(sample.shape, np.int32)
    if same_label and sample.labels is not None:
        label[sample.position] = sample.labels
    image = stacked(values, 0.0), stacked(noise, 0.0)
    parts = stacked(block, -1), stacked(label, 0)
    table = np.zeros((len(offsets), count, len(PAIR_COLUMNS)))

    def work(i: int) -> None:
        stop_if(cancel)
        *deep, dy, dx = offsets[i]
        down = rows * deep[0] + dy if deep else dy
        pair_sums(image[0], image[1], parts[0], parts[1], down, dx, table[i])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(len(offsets))))
    distance = np.array([float(np.linalg.norm(offset)) for offset in offsets])
    return PairSums(table, distance)
