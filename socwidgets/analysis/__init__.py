"""Pure functions on xarray objects: from counts to maps, spectra, masks and labels."""

# First of all, as it loads xarray more quickly than the modules here would.
import socwidgets.model  # noqa: F401
