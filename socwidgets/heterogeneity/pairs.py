"""Pairs of pixels at given offsets, summed by resampling unit: what variograms are made of."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from socwidgets.heterogeneity.bootstrap import Units
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


def sum_pairs(
    sample: Sample,
    offsets: Sequence[tuple[int, int]],
    units: Units | None = None,
    *,
    same_label: bool = False,
) -> PairSums:
    """Sum over the pairs of pixels at each offset.

    Parameters
    ----------
    sample : Sample
        Usable pixels; values enter with their weighted mean taken off. Layers of a volume are
        summed one by one.
    offsets : sequence of (int, int)
        ``(dy, dx)``, dy >= 0.
    units : Units, optional
        Resampling units; one for all if left out.
    same_label : bool
        Leave out pairs across two particles.
    """
    from socwidgets.kernels.pairs import PAIR_COLUMNS, pair_sums

    values = sample.image(sample.values - np.average(sample.values, weights=sample.weights))
    noise = sample.image(np.nan_to_num(sample.noise_variance))
    block = np.full(sample.shape, -1, np.int32)
    block[sample.position] = 0 if units is None else units.index
    count = 1 if units is None else units.count
    layers = [np.ascontiguousarray(a).reshape(-1, *sample.shape[-2:]) for a in (values, noise)]
    blocks = block.reshape(layers[0].shape)
    label = np.zeros(sample.shape, np.int32)
    if same_label and sample.labels is not None:
        label[sample.position] = sample.labels
    names = label.reshape(layers[0].shape)
    table = np.zeros((len(offsets), count, len(PAIR_COLUMNS)))

    def work(i: int) -> None:
        dy, dx = offsets[i]
        for k in range(len(blocks)):
            pair_sums(layers[0][k], layers[1][k], blocks[k], names[k], dy, dx, table[i])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(len(offsets))))
    distance = np.array([np.hypot(dy, dx) for dy, dx in offsets])
    return PairSums(table, distance)
