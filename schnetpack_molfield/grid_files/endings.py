"""Endings of the names of files with values on grids, without what reads and writes them."""

__all__ = ["ALL_CHANNELS", "CUBES", "MAPS", "WRITTEN"]

#: Gaussian's cubes, and maps of CCP4 and MRC.
CUBES, MAPS = (".cube", ".cub"), (".ccp4", ".mrc", ".map")

#: Those that hold several channels.
ALL_CHANNELS = (".vti", ".npz")

#: Those that can be written.
WRITTEN = (*CUBES, ".dx", *MAPS, *ALL_CHANNELS)
