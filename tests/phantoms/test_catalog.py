"""Every kind of phantom: same seed, same bytes; its maps carry the numbers it promises."""

import numpy as np
import pytest

from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.mapset import validate_maps
from socwidgets.model.stack import validate_stack
from socwidgets.phantoms import KINDS, make_phantom, phantom_params, simulate

SMALL = {"cracked_particles": {"size_px": 120, "n_particles": 9}, "pathway": {"size_px": 128}}


def made(kind, seed=3):
    return make_phantom(kind, SMALL.get(kind), seed)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes(kind):
    one, two = made(kind), made(kind)
    for name in one.truth.data_vars:
        assert one.truth[name].values.tobytes() == two.truth[name].values.tobytes()
    assert one.numbers == two.numbers
    few = {} if KINDS[kind].technique == "map" else {"energies_ev": energies_of(one)}
    stack, again = (simulate(one, seed=5, **few) for _ in range(2))
    # The same numbers, not almost: xarray drops pixels whose coordinates differ in the last bit.
    for axis in ("y", "x"):
        assert np.array_equal(stack[axis].values, one.truth[axis].values)
    for name in stack.data_vars:
        assert stack[name].values.tobytes() == again[name].values.tobytes()


def energies_of(phantom):
    """Three energies around the edge."""
    axis = phantom.references.energy.values
    middle = axis[np.argmax(phantom.references.values[0])]
    return (middle - 5, middle, middle + 5)


@pytest.mark.parametrize("kind", KINDS)
def test_truth_is_a_valid_map_set(kind):
    phantom = made(kind)
    validate_maps(phantom.truth)
    assert phantom.kind == kind or phantom.kind == "pathway"
    assert phantom.truth.labels.dtype == np.int32
    assert phantom.truth.attrs["mean_soc"] == pytest.approx(phantom.truth.attrs["mean_soc"])
    total = phantom.amounts().sum(axis=0)
    np.testing.assert_allclose(total, phantom.fine.thickness.values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "kind", ["shrinking_core", "nca_ring", "lnmo_three_phase", "lmo_by_voltage", "random_nmc",
             "depth_gradient", "electrode_stack", "contact_loss", "reaction_channel",
             "crack_detour", "particle_shape", "domino", "facet_front", "anisotropic_front"]
)  # fmt: skip
def test_mean_of_the_map_is_the_promised_one(kind):
    phantom = made(kind)
    # Thickness-weighted; rims between pixels cost a little.
    assert phantom.truth.attrs["mean_soc"] == pytest.approx(phantom.numbers["mean"], abs=0.006)


@pytest.mark.parametrize("technique", ["txm", "xafs2d"])
def test_k_edge_stacks_follow_the_schema(technique):
    stack = simulate(make_phantom("reaction_channel", size_px=24), technique, seed=1)
    validate_stack(stack)
    assert stack.signal.dtype == np.uint16
    assert stack.sizes["energy"] == 67


def test_voxels_need_a_volume():
    phantom = make_phantom("random_nmc", size_px=32, radius_um=1.0)
    with pytest.raises(DataError, match="has no volume"):
        simulate(phantom, "voxels")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: make_phantom("shrinking_cor"), "did you mean 'shrinking_core'"),
        (lambda: make_phantom("domino", aspekt=0.5), "did you mean aspekt -> aspect"),
        (lambda: make_phantom("shrinking_core", radius_um=100.0), "does not fit"),
        (lambda: make_phantom("nca_ring", radius_um=(6.0, 6.0, 6.0)), "do not fit"),
        (lambda: simulate(make_phantom("domino"), "neutrons"), "no instrument 'neutrons'"),
    ],
)
def test_bad_calls_say_what_is_wrong(call, words):
    with pytest.raises(ParameterError, match=words):
        call()


def test_parameters_can_be_listed():
    params = phantom_params("particle_by_particle")
    assert params.pathway == "sequential_two_phase"
    chosen = params.replace(size_px=64, n_particles=9)
    assert make_phantom("pathway", chosen, 1).params == chosen
