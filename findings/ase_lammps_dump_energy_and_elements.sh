#!/usr/bin/env bash
# ASE 3.29.0, ase.io.read of a LAMMPS text dump with forces (columns id type x y z fx fy fz, as `dump custom` writes them): the atoms
# come with a potential energy of 0.0 that stands nowhere in the file, and without a column `element` the atom types 1 and 2 become
# hydrogen and helium. Trained on, such frames teach that every energy is zero, in a system of the wrong elements, without a word.
# Seen: symbols H and He, energy 0.0, forces as in the file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "ase==3.29.0"
cd "$work"
cat > frame.lammpstrj <<'DUMP'
ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 10
0 10
0 10
ITEM: ATOMS id type x y z fx fy fz
1 1 1.0 1.0 1.0 0.5 0.0 0.0
2 2 2.0 1.0 1.0 -0.5 0.0 0.0
DUMP
"$work/venv/bin/python" - <<'PY'
from ase.io import read

atoms = read("frame.lammpstrj", format="lammps-dump-text")
print(atoms.get_chemical_symbols(), atoms.get_potential_energy(), atoms.get_forces().tolist())
assert atoms.get_chemical_symbols() == ["H", "He"]
assert atoms.get_potential_energy() == 0.0
assert atoms.get_forces().tolist() == [[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]]
PY
