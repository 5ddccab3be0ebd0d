"""A local dask cluster of two workers, for the tests that need one."""

from __future__ import annotations

import pytest
from patience import PATIENCE_S


@pytest.fixture(scope="module")
def cluster():
    """Two workers, each a process of its own that a test may kill."""
    distributed = pytest.importorskip("distributed")
    import dask

    from socwidgets.analysis import distributed_fit

    # Nobody answers for a worker that is dead: do not wait half a minute to find out.
    quick = {"distributed.comm.timeouts.connect": "5s", "distributed.comm.timeouts.tcp": "30s"}
    with (
        dask.config.set(quick),
        pytest.MonkeyPatch.context() as patch,
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
    ):
        # Its processes are there, however late a busy machine lets them answer.
        patch.setattr(distributed_fit, "CONNECT_S", PATIENCE_S)
        yield cluster
