"""A map fitted by a cluster is the map fitted here, whatever happens to a worker."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
import xarray as xr
from dask_cluster import cluster  # noqa: F401
from patience import PATIENCE_S

from socwidgets.analysis import distributed_fit
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.optical_density import optical_density
from socwidgets.model.errors import CancelledError, ClusterError, ParameterError
from socwidgets.model.names import SIGNAL
from socwidgets.phantoms import lfp_ensemble, simulate_stxm

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def sample():
    phantom = lfp_ensemble(seed=1, size_px=64, n_particles=5)
    return optical_density(simulate_stxm(phantom, seed=1)), phantom.references


@pytest.fixture
def narrow_bands(monkeypatch):
    """Sixteen bands or so, however small the stack is."""
    monkeypatch.setattr(distributed_fit, "BANDS_PER_THREAD", 8)


def mask_of(stack):
    mask = xr.DataArray(np.ones((stack.sizes["y"], stack.sizes["x"]), bool), dims=("y", "x"))
    mask[:5] = False
    return mask


@pytest.mark.slow
def test_the_workers_find_what_this_machine_finds(sample, cluster, narrow_bands):  # noqa: F811
    stack, references = sample
    stack = stack.copy()
    stack[SIGNAL] = stack[SIGNAL].copy()
    stack[SIGNAL][3, 20:24, 30] = np.nan
    options = {"references": references, "mask": mask_of(stack)}
    seen = []
    with distributed_fit.connect(cluster.scheduler_address) as client:
        client.wait_for_workers(2, timeout=PATIENCE_S)
        found = fit_map(stack, "lcf", cluster=client, progress=lambda *n: seen.append(n), **options)
    here = fit_map(stack, "lcf", **options)
    xr.testing.assert_identical(found.drop_attrs(), here.drop_attrs())
    assert found.attrs["components"] == here.attrs["components"]
    assert len(seen) == 16
    assert seen[-1] == (64 * 64, 64 * 64)


@pytest.mark.slow
def test_leading_dims_starts_and_lazy_stacks_go_along(sample, cluster, tmp_path):  # noqa: F811
    from socwidgets.io import open_stack, save_bundle

    stack, references = sample
    address = cluster.scheduler_address
    series = xr.concat([stack, stack * 0.9], "state").assign_attrs(stack.attrs)
    series = series[[SIGNAL, "signal_std"]]
    here = fit_map(series, "lcf", references=references)
    found = fit_map(series, "lcf", references=references, cluster=address)
    xr.testing.assert_identical(found.drop_attrs(), here.drop_attrs())
    save_bundle(tmp_path / "s.nc", stack=stack)
    lazy = open_stack(tmp_path / "s.nc").chunk({"y": 16})
    found = fit_map(lazy, "lcf", references=references, cluster=address)
    here = fit_map(stack, "lcf", references=references)
    xr.testing.assert_allclose(found.drop_attrs(), here.drop_attrs(), rtol=1e-5)


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_loses_nothing(
    sample,
    cluster,  # noqa: F811
    narrow_bands,
):
    stack, references = sample
    killed = []

    def kill_one(done, total):
        if not killed and done > total // 4:
            victim = next(iter(cluster.workers.values())).process.pid
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    address = cluster.scheduler_address
    found = fit_map(stack, "lcf", references=references, cluster=address, progress=kill_one)
    assert killed
    here = fit_map(stack, "lcf", references=references)
    xr.testing.assert_identical(found.drop_attrs(), here.drop_attrs())


@pytest.mark.slow
def test_a_cancel_reaches_the_cluster(sample, cluster, narrow_bands):  # noqa: F811
    stack, references = sample
    stop = threading.Event()
    with pytest.raises(CancelledError):
        fit_map(
            stack,
            "lcf",
            references=references,
            cluster=cluster.scheduler_address,
            cancel=stop,
            progress=lambda done, total: stop.set(),
        )


@pytest.mark.slow
def test_workers_of_another_version_are_refused(sample, cluster, monkeypatch):  # noqa: F811
    stack, references = sample
    monkeypatch.setattr(distributed_fit, "package_version", lambda: "0.0.1")
    with pytest.raises(ClusterError, match="another version"):
        fit_map(stack, "lcf", references=references, cluster=cluster.scheduler_address)


def test_no_scheduler_and_no_worker_are_said_quickly(sample, monkeypatch):
    import distributed

    waits = []

    class Told(distributed.Client):
        """A client that notes how long it is told to wait; dask's own default is half a minute."""

        def __init__(self, *args, timeout=None, **options):
            waits.append(timeout)
            super().__init__(*args, timeout=timeout, **options)

        def wait_for_workers(self, n_workers, timeout=None):
            waits.append(timeout)
            return super().wait_for_workers(n_workers, timeout=timeout)

    monkeypatch.setattr(distributed, "Client", Told)
    monkeypatch.setattr(distributed_fit, "CONNECT_S", 0.5)
    stack, references = sample
    with pytest.raises(ParameterError, match="no dask scheduler answers"):
        fit_map(stack, "lcf", references=references, cluster="tcp://127.0.0.1:9")
    assert waits == [0.5]
    options = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options) as empty,
        Told(empty.scheduler_address, timeout=PATIENCE_S, set_as_default=False) as client,
        pytest.raises(ClusterError, match="has no worker"),
    ):
        fit_map(stack, "lcf", references=references, cluster=client)
    assert waits == [0.5, PATIENCE_S, 0.5]
