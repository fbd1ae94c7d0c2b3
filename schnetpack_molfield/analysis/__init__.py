"""What was learned, and how far apart two surfaces are: measures and pictures for people."""

from schnetpack_molfield.analysis.encodings import (
    EncodingCurves,
    encoding_curves,
    linear_cka,
    plot_encodings,
    similarity_matrix,
)
from schnetpack_molfield.analysis.mesh_distance import MeshDistance, mesh_distance

__all__ = [
    "EncodingCurves",
    "MeshDistance",
    "encoding_curves",
    "linear_cka",
    "mesh_distance",
    "plot_encodings",
    "similarity_matrix",
]
