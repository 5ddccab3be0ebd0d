"""Planted maps that every test of the room may use."""

import pytest
from planted_maps import map_set, random_field


@pytest.fixture
def planted():
    """Function that makes a map with a known spread, noise and correlation length."""

    def make(rng, shape=(128, 128), true=0.1, noise=0.05, length=5.0, mean=0.5):
        field = mean + true * random_field(rng, shape, length)
        return map_set(field + rng.normal(0, noise, shape), noise)

    return make
