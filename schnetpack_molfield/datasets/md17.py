"""MD17 and rMD17: SchNetPack's own data modules with a clear word when they can't work."""

from schnetpack import datasets

from schnetpack_molfield.datasets.checked import CheckedData

__all__ = ["MD17", "rMD17"]


class MD17(CheckedData, datasets.MD17):
    """Trajectories of small molecules, energies and forces; see `schnetpack.datasets.MD17`."""


class rMD17(CheckedData, datasets.rMD17):
    """The same, recomputed with tighter settings; see `schnetpack.datasets.rMD17`."""
