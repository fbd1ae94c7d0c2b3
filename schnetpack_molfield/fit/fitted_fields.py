"""Fitted fields: the members of a family, and anything between two of them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from schnetpack_molfield import properties as keys
from schnetpack_molfield.fields import MolecularField
from schnetpack_molfield.fit.auto_decoder import AutoDecoder
from schnetpack_molfield.fit.field_fit import FitOptions, make_auto_decoder
from schnetpack_molfield.fit.files import load_fit_file

__all__ = ["FittedFields"]

#: Points asked together.
BLOCK_SIZE = 4096


@dataclass(frozen=True)
class FittedFields:
    """The fields in a file of `molfield fit`, one per model, conformer or frame.

    Example:
        >>> fitted = FittedFields.load("complex.pt")
        >>> fitted.field().to_cube("carbon.cube", channel="C", spacing=0.1)
        >>> fitted.between(0, 9, 0.5).picture("half_way.png")

    Attributes:
        model: the auto-decoder with the best weights of the fit.
        scale: factor on its values.
        frames: the structures it was fitted to.
    """

    model: AutoDecoder
    scale: float
    frames: list[Atoms]

    @classmethod
    def load(cls, path: str | Path) -> FittedFields:
        """Read a file of `molfield fit`.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is something else.
        """
        content = load_fit_file(Path(path))
        best, settings = content["fit"]["best"], content["settings"]
        names = FitOptions.__dataclass_fields__
        options = FitOptions(**{name: settings[name] for name in names})
        n_members, n_charts = len(content["positions"]), len(best["atlas.origins"])
        model = make_auto_decoder(np.zeros((n_members, n_charts, 3)), settings["channels"], options)
        model.load_state_dict(best)
        numbers = content["numbers"].numpy()
        frames = [Atoms(numbers, positions) for positions in content["positions"].numpy()]
        return cls(model.requires_grad_(False).eval(), content["scale"], frames)

    def __len__(self) -> int:
        return len(self.frames)

    def field(
        self,
        member: int = 0,
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
    ) -> MolecularField:
        """The field of one member.

        Args:
            member: its number in the file, from 0.
            dtype: precision; float32 if None.
            device: where to compute.

        Raises:
            ValueError: if there is no such member.
        """
        return self.between(member, member, 0.0, dtype, device)

    def between(
        self,
        start: int,
        end: int,
        fraction: float,
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
    ) -> MolecularField:
        """The field whose latent, and whose atoms, are a fraction of the way between two members.

        Args:
            start: number of the first member.
            end: number of the second.
            fraction: 0 at the first, 1 at the second.
            dtype: precision; float32 if None.
            device: where to compute.

        Raises:
            ValueError: if there is no such member.
        """
        self._check(start)
        self._check(end)
        dtype = dtype or torch.float32
        model = deepcopy(self.model).to(device=device, dtype=dtype)
        latent = torch.lerp(model.latents[start], model.latents[end], fraction).unsqueeze(0)
        charts = model.atlas({keys.latent: latent})

        def evaluate(points: Tensor) -> Tensor:
            idx_m = torch.zeros(len(points), dtype=torch.long, device=points.device)
            read = model.atlas.read(points, idx_m, charts)
            return self.scale * model.head.values(read, points, idx_m, charts)

        positions = [self.frames[member].positions for member in (start, end)]
        atoms = Atoms(
            self.frames[0].numbers, (1 - fraction) * positions[0] + fraction * positions[1]
        )
        return MolecularField(evaluate, atoms, model.head.channels, "", dtype, device, BLOCK_SIZE)

    def _check(self, member: int) -> None:
        if not 0 <= member < len(self):
            raise ValueError(
                f"there is no member {member}; the file has {len(self)}, counted from 0"
            )
