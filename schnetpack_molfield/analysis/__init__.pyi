"""What was learned, and how far apart two surfaces are: measures and pictures for people."""

from .encodings import (
    EncodingCurves as EncodingCurves,
)
from .encodings import (
    encoding_curves as encoding_curves,
)
from .encodings import (
    linear_cka as linear_cka,
)
from .encodings import (
    plot_encodings as plot_encodings,
)
from .encodings import (
    similarity_matrix as similarity_matrix,
)
from .mesh_distance import MeshDistance as MeshDistance
from .mesh_distance import mesh_distance as mesh_distance
