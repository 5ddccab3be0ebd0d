"""One report for each of many scans: in parallel, resumable, with one table and one page."""

from socwidgets.reports.batch.run import BatchResult, run_batch

__all__ = ["BatchResult", "run_batch"]
