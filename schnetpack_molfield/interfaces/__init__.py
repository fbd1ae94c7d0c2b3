"""Bridges to ASE, PyG, cube and mesh files."""
