"""Run the reports of a batch on a dask.distributed cluster whose machines share the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from socwidgets.analysis.distributed_fit import connect
from socwidgets.reports.batch.local import CHILD, Job, Outcome, run_in_child

#: How often a report is begun again on another worker after its worker has died.
RETRIES = 2


class ClusterRunner:
    """Sends jobs to the workers of a cluster; a job whose worker dies is begun again elsewhere."""

    def __init__(self, address: str, command: Sequence[str] = CHILD) -> None:
        self._command = command
        self._client = connect(address)
        self._futures: list[Any] = []

    def run(self, jobs: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield every job with its outcome, in the order in which they finish."""
        from distributed import as_completed

        # Not pure: the same report may have to be made twice, and its files are the point of it.
        futures = {
            self._client.submit(run_in_child, job, self._command, pure=False, retries=RETRIES): job
            for job in jobs
        }
        self._futures = list(futures)
        for future in as_completed(self._futures, loop=self._client.loop):
            yield futures[future], self._outcome(future)

    @staticmethod
    def _outcome(future: Any) -> Outcome:
        if future.status == "finished":
            return future.result()
        error = future.exception()
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        return {"error": f"the cluster could not finish this report\n  found: {said}", "seconds": 0}

    def close(self) -> None:
        """Cancel what has not begun and leave the cluster."""
        pending = [future for future in self._futures if not future.done()]
        if pending:
            self._client.cancel(pending)
        self._client.close()
