"""A prior over the latents of an auto-encoder: flow matching on sets of charts."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from schnetpack_molfield.generation.charts import latents_of, read_latents
from schnetpack_molfield.generation.conditions import Conditions
from schnetpack_molfield.generation.coupling import Coupling, OptimalTransport
from schnetpack_molfield.generation.network import ChartNetwork
from schnetpack_molfield.generation.noise import GaussianNoise
from schnetpack_molfield.generation.prediction import Prediction, VelocityPrediction
from schnetpack_molfield.generation.sampler import HeunSampler, Sampler
from schnetpack_molfield.generation.scaling import ChartScaling
from schnetpack_molfield.generation.schedule import LinearSchedule, Schedule
from schnetpack_molfield.representation import ChartSizes

__all__ = ["LatentPrior"]


class LatentPrior(nn.Module):
    """A distribution over latents, learned by flow matching, and everything it is made of.

    Args:
        sizes: what the latents hold.
        elements: symbols of all elements of the molecules.
        properties: names of scalar properties that samples may be conditioned on.
        n_channels: scalars of a chart in the network.
        n_directed: channels of its features of degree 0 to 3.
        n_layers: number of rounds.
        n_heads: number of heads.
        schedule: from noise to data; `LinearSchedule` by default.
        coupling: of noise and data; `OptimalTransport` by default.
        prediction: what the network says; `VelocityPrediction` by default.
        position_weight: of errors of positions in the loss, next to those of other numbers: bonds
            are broken by a twentieth of an Angstrom.
    """

    weights: Tensor
    compositions: Tensor
    n_charts: Tensor
    frequencies: Tensor

    def __init__(
        self,
        sizes: ChartSizes,
        elements: Sequence[str],
        properties: Sequence[str] = (),
        n_channels: int = 128,
        n_directed: int = 16,
        n_layers: int = 4,
        n_heads: int = 4,
        schedule: Schedule | None = None,
        coupling: Coupling | None = None,
        prediction: Prediction | None = None,
        position_weight: float = 4.0,
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.schedule = schedule or LinearSchedule()
        self.coupling = coupling or OptimalTransport()
        self.prediction = prediction or VelocityPrediction()
        self.noise = GaussianNoise()
        self.scaling = ChartScaling(sizes)
        self.conditions = Conditions(elements, properties)
        self.network = ChartNetwork(
            sizes, self.conditions.n_condition, n_channels, n_directed, n_layers, n_heads
        )
        weights = torch.ones(sum(sizes.parts) - 1)
        weights[:3] = position_weight
        self.register_buffer("weights", weights / weights.sum(), persistent=False)
        self.register_buffer("compositions", torch.zeros(0, len(elements)))
        self.register_buffer("n_charts", torch.zeros(0, dtype=torch.long))
        self.register_buffer("frequencies", torch.zeros(0))

    def fit_statistics(self, latents: Tensor, values: Tensor) -> None:
        """Take units and the compositions that there are from the training data.

        Args:
            latents: shape (n_molecules, n_latent).
            values: see `Conditions.fit`, shape (n_molecules, n_values).
        """
        rows, mask = read_latents(latents, self.sizes)
        self.scaling.fit(rows, mask)
        self.conditions.fit(values)
        self.network.pairs.length.fill_(self.scaling.length)
        kinds = torch.cat([values[:, : self.compositions.shape[1]], mask.sum(1, keepdim=True)], 1)
        kinds, counts = torch.unique(kinds, dim=0, return_counts=True)
        self.compositions, self.n_charts = kinds[:, :-1], kinds[:, -1].long()
        self.frequencies = counts.to(kinds.dtype)

    def loss(self, latents: Tensor, values: Tensor, known: Tensor | None = None) -> Tensor:
        """Mean squared error of the network at random times, (n_molecules,).

        Args:
            latents: shape (n_molecules, n_latent).
            values: see `Conditions.fit`, shape (n_molecules, n_values).
            known: which groups are told, (n_molecules, n_groups); drawn if None.
        """
        rows, mask = read_latents(latents, self.sizes)
        data = self.scaling(rows, mask)
        noise = self.coupling(self.noise.sample(mask, data.shape[2], data), data, mask)
        time = self.schedule.sample_times(len(data), data)
        signal, amount = self.schedule.coefficients(time.view(-1, 1, 1))
        known = self.conditions.draw_known(values) if known is None else known
        output = self.network(
            signal * data + amount * noise, mask, time, self.conditions(values, known)
        )
        target = self.prediction.target(noise, data, time, self.schedule)
        error = ((output - target).square() @ self.weights) * mask  # (n_molecules, n_charts)
        return error.sum(dim=1) / mask.sum(dim=1)

    def draw_compositions(
        self, n: int, generator: torch.Generator | None = None, n_charts: int | None = None
    ) -> Tensor:
        """Compositions of the training data, as often as they are there, (n, n_elements).

        Args:
            n: how many.
            generator: for reproducible draws, on the CPU.
            n_charts: only those with so many charts; any if None.

        Raises:
            ValueError: if there are none.
        """
        weights = self.frequencies.clone().cpu()
        if n_charts is not None:
            weights[self.n_charts.cpu() != n_charts] = 0.0
        if not weights.any():
            known = sorted(set(self.n_charts.tolist()))
            raise ValueError(
                f"no molecule of the training data has {n_charts} charts (heavy atoms); there are "
                f"{', '.join(map(str, known)) or 'none at all'}"
            )
        drawn = torch.multinomial(weights, n, replacement=True, generator=generator)
        return self.compositions[drawn.to(self.compositions.device)]

    @torch.no_grad()
    def sample(
        self,
        n_charts: Tensor,
        condition: Tensor,
        n_steps: int = 20,
        sampler: Sampler | None = None,
        guidance: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw latents (n_samples, n_latent).

        Args:
            n_charts: number of charts of each, shape (n_samples,).
            condition: see `Conditions`, shape (n_samples, n_condition).
            n_steps: number of steps of the sampler.
            sampler: `HeunSampler` by default.
            guidance: weight of the condition against none; above 1 it is exaggerated.
            generator: for reproducible draws, on the CPU.
        """
        for rows, mask in self.path(n_charts, condition, n_steps, sampler, guidance, generator):
            last = rows, mask
        return latents_of(self.scaling.inverse(*last), last[1], self.sizes)

    @torch.no_grad()
    def path(
        self,
        n_charts: Tensor,
        condition: Tensor,
        n_steps: int,
        sampler: Sampler | None = None,
        guidance: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows and mask after each step; arguments as for `sample`."""
        places = torch.arange(int(n_charts.max()), device=n_charts.device)
        mask = places < n_charts.unsqueeze(1)  # (n_samples, n_longest)
        n_numbers = len(self.scaling.unit)
        nothing = torch.zeros_like(condition)

        def draw() -> Tensor:
            return self.noise.sample(mask, n_numbers, condition, generator)

        def network(rows: Tensor, time: Tensor) -> Tensor:
            told = self.network(rows, mask, time, condition)
            if guidance == 1.0:
                return told
            return torch.lerp(self.network(rows, mask, time, nothing), told, guidance)

        steps = (sampler or HeunSampler()).steps(
            network, draw(), n_steps, self.schedule, self.prediction, draw
        )
        for rows in steps:
            yield rows, mask
