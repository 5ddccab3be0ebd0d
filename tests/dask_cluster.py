"""A local dask cluster of two workers, for the tests that need one."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def cluster():
    """Two workers, each a process of its own that a test may kill."""
    distributed = pytest.importorskip("distributed")
    import dask

    # Nobody answers for a worker that is dead: do not wait half a minute to find out.
    quick = {"distributed.comm.timeouts.connect": "3s", "distributed.comm.timeouts.tcp": "11s"}
    with (
        dask.config.set(quick),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
    ):
        yield cluster
