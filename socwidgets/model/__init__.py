"""The vocabulary of the suite: names, schemas, parameters, errors. No computation on pixels."""

from socwidgets.model.loading import collection_paused

with collection_paused():
    # What every module here begins with; see `loading` for why it is done before.
    import xarray  # noqa: F401
