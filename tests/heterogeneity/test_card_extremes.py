"""The card where there is next to nothing to go by: no number that cannot be, and a reason."""

import threading
import warnings

import numpy as np
import pytest
from planted_maps import map_set

from socwidgets.heterogeneity.bootstrap import Interval
from socwidgets.heterogeneity.card import heterogeneity_card
from socwidgets.heterogeneity.possible import possible_range, within
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.model.errors import CancelledError

SIZE, NOISE = 64, 0.03
Y, X = np.mgrid[:SIZE, :SIZE]
SPREADS = ("sigma_true", "sigma_between", "sigma_within")


def grid(n):
    """Labels of n x n squares with a gap around each."""
    side = SIZE // n
    inside = (Y % side > 0) & (Y % side < side - 1) & (X % side > 0) & (X % side < side - 1)
    inside &= (n * side > Y) & (n * side > X)
    return np.where(inside, Y // side * n + X // side + 1, 0)


def noisy(values, noise=NOISE, seed=3):
    return values + np.random.default_rng(seed).normal(0, noise, np.shape(values))


def one_active(n):
    """Particles all charged or all discharged, but one that is caught half-way."""
    labels = grid(n)
    middle = n * n // 2 + 1
    half = (Y % (SIZE // n) < SIZE // n // 2).astype(float)
    return noisy(np.where(labels == middle, half, labels > middle)), labels


THIRDS = np.where(X < 20, 1, np.where(X < 42, 2, 3))
CASES = {
    "one particle": (noisy(0.5 + 0.1 * np.sin(X / 5)), (X < 40) * (Y < 40) * 1, NOISE),
    "two particles, charged and discharged": (noisy(X > 31), np.where(X < 31, 1, 2), NOISE),
    "three particles, one charged": (noisy(THIRDS == 3), THIRDS, NOISE),
    "three particles, one active": (noisy((THIRDS == 2) & (Y < 32)), THIRDS, NOISE),
    "one active of 9": (*one_active(3), NOISE),
    "one active of 25": (*one_active(5), NOISE),
    "less scatter than noise": (noisy(0.5 + 0 * X, 0.01), grid(5), 0.05),
    "huge noise": (noisy(0.5 + 0 * X, 3.0), grid(5), 3.0),
    "noise not known": (noisy(0.5 + 0 * X), grid(5), np.nan),
    "particles of one pixel": (noisy(0.5 + 0 * X), (X % 20 == 3) * (Y == 9) * (X + 1), NOISE),
    "a particle without values": (noisy(np.where(grid(5) == 3, np.nan, 0.5)), grid(5), NOISE),
    "constant, without noise": (0.5 + 0.0 * X, grid(4), 0.0),
    "all at the limit": (1.0 + 0.0 * X, grid(4), NOISE),
    "no particles, one half charged": (noisy(X > 31), None, NOISE),
    "one row": (noisy(0.5 + 0.1 * np.sin(X / 5))[:1], None, NOISE),
    "four pixels": (noisy(0.5 + 0 * X)[:2, :2], None, NOISE),
}  # fmt: skip


def card_of(values, labels, noise, **options):
    dims = ("z", "y", "x")[-np.ndim(values) :]
    maps = map_set(np.asarray(values, float), noise, dims=dims)
    given = None if labels is None else maps.soc.copy(data=labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        card = heterogeneity_card(maps, given, draws=200, **options)
        assert "soc-card" in card._repr_html_()
    return card


@pytest.mark.parametrize("name", CASES)
def test_no_number_is_impossible(name):
    values, labels, noise = CASES[name]
    card = card_of(values, labels, noise)
    assert not np.isinf([v for e in card.entries for v in (e.value, e.std, e.low, e.high)]).any()
    for entry in card.entries:
        held = entry.low - 1e-9 <= entry.value <= entry.high + 1e-9
        assert np.isnan(entry.low) or held, entry
        assert np.isfinite(entry.value) or entry.note or entry.name in ("sigma_noise", "hsn"), entry
    reach = 0.5 if name != "huge noise" else card["sigma_noise"].value
    for name_ in SPREADS:
        if name_ in card:
            assert not card[name_].high > reach + 0.01, card[name_]
            assert not card[name_].std > reach / 2 + 0.01, card[name_]
    assert not card["mean"].low < -reach
    assert not card["mean"].high > 0.6 + reach
    assert not card["moran"].low < -1
    assert not card["moran"].high > 1
    assert not card["correlation_length"].high > SIZE * 0.04
    if "icc" in card:
        assert not card["share_between"].low < 0
        assert not card["share_between"].high > 1
        assert not card["icc"].low < 0
        assert not card["icc"].high > 1


def test_what_one_particle_cannot_tell_is_said():
    card = card_of(*CASES["one particle"])
    for name in ("sigma_between", "share_between", "icc"):
        assert np.isnan(card[name].value)
        assert card[name].note == "there is one particle"
    assert "between particles" not in card.verdict
    assert any("There is one particle" in text for text in card.warnings)
    assert np.isnan(card_of(*CASES["particles of one pixel"])["sigma_within"].value)


def test_two_halves_are_not_thousands_of_independent_pixels():
    """The likeness reaches as far as can be seen: no part of the image is independent."""
    for name in ("no particles, one half charged", "two particles, charged and discharged"):
        card = card_of(*CASES[name])
        assert card["n_eff"].value == 1
        assert np.isnan(card["mean"].std)
        assert card["sigma_true"].value == pytest.approx(0.5, abs=0.01)
        assert "is heterogeneous" in card.verdict


def test_a_faint_half_stands_out_of_the_noise():
    """The detection limit follows from the noise, however far the structure reaches."""
    card = card_of(noisy(np.where(X > 31, 0.52, 0.48)), None, NOISE)
    assert card["sigma_true"].value == pytest.approx(0.02, rel=0.15)
    assert "is heterogeneous" in card.verdict


def test_one_active_particle_bounds_the_spread_within():
    card = card_of(*CASES["one active of 25"])
    entry = card["sigma_within"]
    assert entry.value == pytest.approx(0.5 / 5, rel=0.1)
    assert entry.low == 0
    assert entry.high < 0.25


def test_a_volume_of_three_particles():
    values = noisy(np.full((12, 24, 24), 0.5))
    labels = np.zeros(values.shape, int)
    labels[2:10, 2:10, 2:10], labels[2:10, 13:22, 2:10], labels[2:10, 2:10, 13:22] = 1, 2, 3
    card = card_of(values, labels, NOISE)
    assert card.verdict.startswith("No heterogeneity")
    assert not card["sigma_within"].high > 0.5


def test_overcharge_that_was_seen_is_possible():
    values, noise = np.full((SIZE, SIZE), 1.08), 0.02
    sample = take_sample(map_set(noisy(values, noise), noise), "soc")
    possible = possible_range(sample)
    assert possible.low == 0.0
    # The extreme of 4096 pixels is known to about a third of a sigma.
    assert possible.high == pytest.approx(1.08, abs=noise)
    assert possible_range(sample, guard=0.0).high > 1.13
    energies = take_sample(map_set(values, noise, kind="energy"), "soc")
    assert possible_range(energies).high == np.inf


def test_an_interval_is_cut_at_what_is_possible():
    cut = within(Interval(0.9, -3.0, 6.75), 0.4, 0.0, 0.5)
    assert (cut.std, cut.low, cut.high) == (0.25, 0.0, 0.5)
    empty = within(Interval(np.nan, np.nan, np.nan), 0.4, 0.0, 0.5)
    assert np.isnan([empty.std, empty.low, empty.high]).all()


class StopsAt(threading.Event):
    """A cancel that comes at the n-th look."""

    def __init__(self, look):
        super().__init__()
        self.look, self.looks = look, 0

    def is_set(self):
        self.looks += 1
        return self.looks == self.look


def test_a_cancel_is_seen_in_every_step():
    """The looks are spread over the card: in pairs of pixels, draws, swaps, checks."""
    values, labels, noise = CASES["one active of 25"]
    maps = map_set(values, noise)
    particles = maps.soc.copy(data=labels)
    never = StopsAt(-1)
    heterogeneity_card(maps, particles, draws=200, cancel=never)
    assert never.looks > 50
    for look in range(1, never.looks + 1, 4):
        with pytest.raises(CancelledError):
            heterogeneity_card(maps, particles, draws=200, cancel=StopsAt(look))
