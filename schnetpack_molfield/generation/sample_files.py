"""Files of samples: written block by block, continued after an interruption, whole at the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from schnetpack_molfield import properties as keys
from schnetpack_molfield.new_files import replace_when_complete

__all__ = ["ENDINGS", "SampleFile", "write_samples"]

#: Kinds of files.
ENDINGS = (".extxyz", ".xyz", ".sdf", ".db")


class SampleFile:
    """A file of samples in the making.

    Blocks are kept in the folder FILE.partial, together with what was asked for; a call that asks
    for the same goes on where the last one has stopped.

    Args:
        path: the file, with one of `ENDINGS`.
        settings: what was asked for, ready for JSON.
        force: start anew whatever is there.

    Raises:
        ValueError: if the folder holds blocks of another call.
    """

    def __init__(self, path: Path, settings: dict[str, Any], force: bool = False) -> None:
        self.path = path
        self.folder = path.with_name(f"{path.name}.partial")
        self._settings = self.folder / "settings.json"
        if force and self.folder.exists():
            shutil.rmtree(self.folder)
        if self._settings.is_file():
            self._compare(json.loads(self._settings.read_text()), settings)
        self.folder.mkdir(exist_ok=True)
        with replace_when_complete(self._settings) as partial:
            partial.write_text(json.dumps(settings))

    def _compare(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        for name in now:
            if before.get(name) != now[name]:
                raise ValueError(
                    f"{self.folder} has samples of a call with {name} = {before.get(name)}, now it "
                    f"is {now[name]}: ask for the same to continue it, or start anew with --force"
                )

    def block(self, number: int, draw: Callable[[int], list[Atoms]]) -> list[Atoms]:
        """A block of samples, drawn unless it is there already."""
        file = self.folder / f"{number:06d}.extxyz"
        if not file.is_file():
            with replace_when_complete(file) as partial:
                write_samples(partial, draw(number))
        return _read(file)

    def finish(self, samples: list[Atoms]) -> None:
        """Write the whole file, and remove the blocks."""
        with replace_when_complete(self.path) as partial:
            write_samples(partial, samples)
        shutil.rmtree(self.folder)


def _read(file: Path) -> list[Atoms]:
    return list(ase.io.iread(file, ":", format="extxyz", do_not_split_by_at_sign=True))


def write_samples(path: Path, samples: list[Atoms]) -> None:
    """Write molecules with their latents in the format of the ending."""
    suffix = path.suffix.lower()
    if suffix == ".sdf":
        path.write_text("".join(map(_sdf_record, samples)))
    elif suffix == ".db":
        _write_database(path, samples)
    else:
        ase.io.write(path, samples, format="extxyz")


def _write_database(path: Path, samples: list[Atoms]) -> None:
    """A SchNetPack database whose only property is the latent."""
    from schnetpack.data import ASEAtomsData

    database = ASEAtomsData.create(
        str(path), distance_unit="Ang", property_unit_dict={keys.latent: "1"}, atomrefs={}
    )
    with database.conn:
        latents = [{keys.latent: np.asarray(atoms.info[keys.latent])} for atoms in samples]
        database.add_systems(latents, [Atoms(a.numbers, a.positions) for a in samples])


def _sdf_record(atoms: Atoms) -> str:
    """A record with bonds by EDM's lengths, so that other programs needn't guess them."""
    from schnetpack_molfield.assessment.bond_lengths import bond_orders

    orders = bond_orders(atoms) if len(atoms) else np.zeros((0, 0), dtype=int)
    bonds = np.argwhere(np.triu(orders))
    lines = [
        "",
        "  molfield          3D",
        "",
        f"{len(atoms):3d}{len(bonds):3d}  0  0  0  0            999 V2000",
    ]
    for symbol, (x, y, z) in zip(atoms.get_chemical_symbols(), atoms.positions, strict=True):
        lines.append(f"{x:10.4f}{y:10.4f}{z:10.4f} {symbol:<3} 0" + "  0" * 11)
    lines += [f"{i + 1:3d}{j + 1:3d}{orders[i, j]:3d}  0" for i, j in bonds]
    latent = " ".join(f"{number:.7g}" for number in atoms.info[keys.latent])
    lines += ["M  END", f">  <{keys.latent}>", latent, "", "$$$$", ""]
    return "\n".join(lines)
