"""What was learned, and how far apart two surfaces are: measures and pictures for people."""

from .encodings import (
    EncodingCurves as EncodingCurves,
    encoding_curves as encoding_curves,
    linear_cka as linear_cka,
    plot_encodings as plot_encodings,
    similarity_matrix as similarity_matrix,
)
from .mesh_distance import MeshDistance as MeshDistance, mesh_distance as mesh_distance
