#!/usr/bin/env bash
# ASE 3.29.0, ase.io.read of extended XYZ: only `Lattice` with a capital L is the box. `lattice="..."` or `cell="..."` is kept as an
# entry of atoms.info, the atoms have no cell and no periodicity, and a liquid becomes a cluster in vacuum without a word. The unit behind
# a number is another entry: `energy=-76.4 Ha` gives the number -76.4 as the energy (ASE's unit is eV) and info["Ha"] = True.
# Seen: pbc F F F and a cell of zeros with lattice= and cell=, pbc T T T with Lattice=; energy -76.4 and info {'Ha': True}.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "ase==3.29.0"
cd "$work"
"$work/venv/bin/python" - <<'PY'
from pathlib import Path

from ase.io import read

periodic = {}
for key in ("Lattice", "lattice", "cell"):
    header = f'{key}="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3 energy=-76.4 Ha'
    Path("x.xyz").write_text(f"1\n{header}\nO 0 0 0\n")
    atoms = read("x.xyz", format="extxyz")
    periodic[key] = (bool(atoms.pbc.all()), float(atoms.cell.volume))
    print(key, periodic[key], atoms.get_potential_energy(), sorted(atoms.info))
    assert atoms.get_potential_energy() == -76.4 and bool(atoms.info["Ha"])
assert periodic["Lattice"][0] and abs(periodic["Lattice"][1] - 729) < 1e-9
assert periodic["lattice"] == periodic["cell"] == (False, 0.0)
PY
