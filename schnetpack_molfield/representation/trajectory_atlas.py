"""Charts that move in time: an atlas without atoms for a trajectory."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from schnetpack import properties
from schnetpack.transform import Transform
from scipy.cluster.vq import kmeans2
from torch import Tensor

from schnetpack_molfield import properties as keys
from schnetpack_molfield.nn.spline import CubicSpline
from schnetpack_molfield.representation.latent_atlas import LatentAtlas

__all__ = ["TrajectoryAtlas"]


class TrajectoryAtlas(Transform):
    r"""A `LatentAtlas` whose latent is a smooth function of time: a field f(x, t) without atoms.

    .. math:: z(t) = w(t) \left( S(t) - \bar S \right), \quad
              S(t) = \sum_j c_j \, B_3\left(\frac{t - t_0}{h} - j\right)

    with cubic B-splines, knots h apart from the first to the last trained time, less their mean
    over the knots. The latent starts as the displacements of all charts, so that between trained
    times charts move along smooth curves. Beyond the trained times w falls from one to zero within
    h, and the charts rest where they were on average: the best guess once motion is forgotten.

    It takes the place of a representation in SchNetPack's models; the structures' atoms aren't
    read, and `datamodule` is called when training starts.

    ============  ===========  ==================================================================
    key           shape        meaning
    ============  ===========  ==================================================================
    time          (n_models,)  read: time of each frame, in the unit of the training data
    ============  ===========  ==================================================================

    See `LatentAtlas` for what it writes.

    Args:
        n_charts: number of charts.
        n_knots: number of knots between the first and the last trained time, at most as many as
            there are trained times; motion faster than two knots can't be followed.
        n_atom_basis: number of channels of the charts' features.
        rank: rank of the change of the features in time.
        lr_scale: how much faster than other parameters the charts move, see `CubicSpline`.
        function: options of `LatentAtlas` for its function, such as `cutoff`.

    Raises:
        KeyError: when called without `time`.
        ValueError: when called with a time that isn't finite.
    """

    #: Tells who asks the field that it is one of point and time.
    reads_time = True
    start: Tensor
    step: Tensor

    def __init__(
        self,
        n_charts: int,
        n_knots: int,
        n_atom_basis: int = 16,
        rank: int = 8,
        lr_scale: float = 10.0,
        **function: Any,
    ) -> None:
        super().__init__()
        self.n_atom_basis = n_atom_basis
        self.n_knots = n_knots
        self.model_outputs: list[str] = []
        n_latent = 3 * n_charts
        moves = torch.eye(n_latent).view(n_latent, n_charts, 3)
        origins = torch.randn(n_charts, 3)
        self.atlas = LatentAtlas(origins, n_atom_basis, n_latent, rank, moves, **function)
        self.latent = CubicSpline(n_knots, n_latent, lr_scale=lr_scale)
        self.register_buffer("start", torch.zeros(1))
        self.register_buffer("step", torch.ones(1))
        # SchNetPack's scripts ask every representation for the radius of its neighbour list
        self.register_buffer("cutoff", torch.zeros(1))

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add `field_latent` and the charts of `LatentAtlas` to the dictionary and return it."""
        if keys.time not in inputs:
            raise KeyError("no 'time' in the input: this model is a function of point and time")
        time = inputs[keys.time]
        if not bool(torch.isfinite(time).all()):
            raise ValueError(f"times must be finite numbers, got {time}")
        knot = (time.to(self.start.dtype) - self.start) / self.step  # (n_models,)
        knots = torch.arange(self.n_knots, dtype=knot.dtype, device=knot.device)
        mean = self.latent(knots).mean(dim=0)  # (n_latent,)
        beyond = torch.maximum(-knot, knot - (self.n_knots - 1)).clamp(0, 1).unsqueeze(1)
        window = 1 - beyond**3 * (10 - 15 * beyond + 6 * beyond**2)  # (n_models, 1)
        inputs[keys.latent] = window * (self.latent(knot) - mean)
        return self.atlas(inputs)

    def read(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """The function at more points of frames that are in the dictionary; see `MolField.read`."""
        return self.atlas.read(points, idx_m, inputs)

    def begin(self, times: ArrayLike, inside: ArrayLike) -> None:
        """Place knots and charts, before training.

        Args:
            times: (n_frames,) trained times.
            inside: (n, 3) points inside the molecule at any of these times, in Angstrom; the
                charts start at the centres of their clusters.

        Raises:
            ValueError: if a time isn't finite, all are the same, or there are fewer than knots.
        """
        times = np.asarray(times, dtype=float).reshape(-1)
        if not np.isfinite(times).all():
            raise ValueError(f"times must be finite numbers, got {times[~np.isfinite(times)][0]}")
        if np.ptp(times) == 0:
            raise ValueError(f"all trained frames have the time {times[0]:g}; expected several")
        if (n_times := len(np.unique(times))) < self.n_knots:
            raise ValueError(
                f"{self.n_knots} knots for {n_times} trained times: motion between times isn't "
                f"known; set n_knots (globals.n_knots) to {n_times} or less"
            )
        points = np.tile(np.asarray(inside, dtype=float), (2, 1))  # (2 n, 3)
        points = points + np.random.default_rng(0).normal(scale=0.1, size=points.shape)
        centers, _ = kmeans2(points, len(self.atlas.origins), minit="++", seed=0)
        with torch.no_grad():
            self.start.fill_(times.min())
            self.step.fill_(np.ptp(times) / (self.n_knots - 1))
            self.atlas.origins.copy_(torch.as_tensor(centers))

    def datamodule(self, value: Any) -> None:
        """Begin with the times and structures of SchNetPack's training set."""
        rows = value.dataset.iter_properties(value.train_idx, load_properties=[keys.time])
        frames = [(float(row[keys.time]), row[properties.R].numpy()) for row in rows]
        times, positions = zip(*frames, strict=True)
        self.begin(times, np.concatenate(positions))
