"""Pure functions on xarray objects: from counts to maps, spectra, masks and labels."""
