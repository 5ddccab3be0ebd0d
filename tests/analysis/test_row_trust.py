"""Whether rows are believed, on normal equations with planted rows."""

import numpy as np
import pytest

from socwidgets.analysis.row_comparison import spline_basis
from socwidgets.analysis.row_trust import HalvedFrame, choose_prior, column_halves

ROWS, FRAMES = 96, 20
BASIS = spline_basis(ROWS, 16)(np.arange(ROWS))
#: Information of a row on its displacement, px^-2: 0.45 px of noise in each half of each row.
WEIGHT = 5.0


def frames_with(rng, rows):
    """Halves that saw `rows` ``(frame, y, 2)`` with noise; two candidates: none, and 0.4 px off."""
    frames = []
    for truth in rows:
        noise = rng.normal(0, np.sqrt(WEIGHT), (2, ROWS, 2))
        normal = np.broadcast_to(WEIGHT * np.eye(2), (2, ROWS, 2, 2))
        right = WEIGHT * truth + noise
        away = np.zeros((ROWS, 2)) + np.array([0.4, -0.4]) * np.linspace(-1, 1, ROWS)[:, None]
        frames.append(HalvedFrame(BASIS, normal, right, np.stack([np.zeros((ROWS, 2)), away])))
    return frames


@pytest.mark.parametrize(("moves_px", "low", "high"), [(0.0, 0.0, 0.05), (0.3, 0.2, 1.0)])
def test_rows_are_believed_where_they_move(rng, moves_px, low, high):
    for _ in range(5):
        rows = moves_px * (BASIS @ rng.normal(0, 1, (FRAMES, BASIS.shape[1], 2)))
        prior, spread = choose_prior(frames_with(rng, rows))
        assert low <= spread <= high
        assert prior == 0 or moves_px


def test_the_candidate_that_the_rows_follow_is_taken(rng):
    """The present rows lie `beyond` a candidate: rows that lie back by that are on it."""
    follow = -np.array([0.4, -0.4]) * np.linspace(-1, 1, ROWS)[:, None]
    prior, spread = choose_prior(frames_with(rng, np.broadcast_to(follow, (FRAMES, ROWS, 2))))
    assert prior == 1
    assert spread <= 0.05


def test_halves_are_blocks_in_turns():
    halves = column_halves(100)
    assert not (halves[0] & halves[1]).any()
    assert (halves[0] | halves[1]).all()
    assert 40 <= halves[0].sum() <= 60
