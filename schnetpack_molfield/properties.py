"""Keys in SchNetPack's dictionary that this package reads or writes, beside SchNetPack's own.

Beside every key stand its shape, its unit where it has one, and who writes it. Keys of targets
and results, such as `field`, are only the defaults of options.
"""

from typing import Final

## representations
#: (n_atoms, n_atom_basis), invariant features; `MolField`
scalar_representation: Final[str] = "scalar_representation"
#: (n_atoms, 3, n_atom_basis), polar vectors; `MolField`
vector_representation: Final[str] = "vector_representation"

## charts
#: (n_charts, n_rows, n_atom_basis), degrees 0 to L; all representations of this package
features: Final[str] = "field_features"
#: (n_charts, n_tokens, group), weight tokens of the function's INR; all representations
tokens: Final[str] = "field_tokens"
#: (n_charts, 3), Angstrom; all representations of this package
origins: Final[str] = "field_origins"
#: (n_charts,), molecule of each chart; all representations of this package
chart_idx_m: Final[str] = "field_idx_m"

## where pairs stand in rows; with a neighbour list, so that a model needn't find it each time
#: (n_charts, n_points), pairs of each chart; the calculator, see `representation.atlas.Places`
place_points: Final[str] = "field_place_points"
#: (n_atoms, n_neighbors), pairs of each receiver; the calculator
place_pairs: Final[str] = "field_place_pairs"
#: (n_atoms, n_neighbors), where the charts' points hold each pair; the calculator
place_slots: Final[str] = "field_place_slots"

## the function of a molecule
#: (n_charts, n_rows, n_hidden), weights of the first layer of the charts' INR; `FieldFunction`
axes: Final[str] = "field_axes"
#: (n_charts, n_layers - 1, n_hidden), column factors of the other layers; `FieldFunction`
scales: Final[str] = "field_scales"
#: (n_points, n_rows, n_hidden), the function at the points; `FieldFunction`
values: Final[str] = "field_values"
#: (n_atoms, n_rows, n_hidden), the function at the atoms; `MolField`
at_atoms: Final[str] = "field_at_atoms"
#: (n_charts, n_probes, n_rows, n_hidden), the function at probe points; `MolField` if `n_probes`
probes: Final[str] = "field_probes"
#: (n, 3), Angstrom, points of a quadrature; `ElectronQuadrature`
quadrature_points: Final[str] = "field_quadrature_points"
#: (n,), molecule of each of them; `ElectronQuadrature`
quadrature_idx_m: Final[str] = "field_quadrature_idx_m"
#: (n,), Angstrom^3, weights of them; `ElectronQuadrature`
quadrature_weights: Final[str] = "field_quadrature_weights"
#: (n, n_rows, n_hidden), the function there; `FieldFunction`
quadrature_values: Final[str] = "field_quadrature_values"
#: (any), beginning of keys of what is kept until molecules are represented again; heads
kept: Final[str] = "field_kept"
#: (n_charts, n_monomials + n_rbf, n_hidden), first layer as points ask it; `FieldFunction`
kept_first: Final[str] = "field_kept_first"

## latents
#: (n_molecules, n_latent), one latent each; `ChartEncoder`, `LatentTable`, `TrajectoryAtlas`
latent: Final[str] = "field_latent"
#: (n_molecules,), which members of a family to take from `LatentTable`; the user
member: Final[str] = "field_member"
#: (n_molecules,), nat, divergence of the latents from the prior; `MolField` if `variational`
kl_divergence: Final[str] = "kl_divergence"

## priors over latents
#: (n_molecules, n_values), counts of elements, number of atoms, properties; `LatentData`
prior_values: Final[str] = "field_prior_values"
#: (n_molecules,), error of a prior's network at random times; `PriorModel`
prior_loss: Final[str] = "prior_loss"

## points
#: (n_points, 3), Angstrom, where the field is asked; `FieldPoints`, `GridPoints`
points: Final[str] = "field_points"
#: (n_molecules,), how many of the points belong to each molecule; `FieldPoints`, `GridPoints`
n_points: Final[str] = "field_n_points"
#: (n_points,), molecule of each point, instead of their number; the user
point_idx_m: Final[str] = "field_point_idx_m"
#: (n_points, 1), weights of points for `WeightPoints`; `FieldPoints`
point_weights: Final[str] = "field_weights"

## values at points
#: (n_points, n_channels), unit of the head; `FieldValue`, and as a target `FieldPoints`
field: Final[str] = "field"
#: (n_points, 1), Angstrom, signed distance; `SignedDistance`, `LearnedDistance`
sdf: Final[str] = "sdf"
#: (n_points, 1), e/Ang^3; `ElectronDensity`, and as a target `GridPoints`; (1, n_grid) in data
electron_density: Final[str] = "electron_density"

## data
#: (1, 3), points along each axis of a grid; the database
grid_shape: Final[str] = "grid_shape"
#: (1, 3), Angstrom, first point of a grid; the database
grid_origin: Final[str] = "grid_origin"
#: (1,), Angstrom, distance between points of a grid, or (1, 3, 3), its vectors; the database
grid_spacing: Final[str] = "grid_spacing"
#: (n_molecules,), unit of the data, time of a frame; the database
time: Final[str] = "time"
