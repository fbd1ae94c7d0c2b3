#!/usr/bin/env bash
# PySCF 2.14.0, pyscf.tools.cubegen.Cube: two things about its geometry that a reader of densities wouldn't guess.
# 1. get_volume_element() is the volume of a voxel as a fraction of the box, not in bohr^3: the sum of helium's density times it
#    is 0.0093 for a box of (6 bohr)^3, and the two electrons come out only after multiplying by the box, 216 bohr^3.
# 2. read() of a file that the same class wrote gives the values back, but on other points: it takes the box as n steps where the
#    writer has n - 1, so that the last of 40 points per axis lies at 3.154 bohr instead of 3.
# Seen: written last point 3.0, read back 3.15384; 0.00926 and 2.00 electrons.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "pyscf==2.14.0"
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
from pyscf import gto, scf
from pyscf.tools import cubegen

helium = gto.M(atom="He 0 0 0", basis="sto-3g", verbose=0)
density_matrix = scf.RHF(helium).run().make_rdm1()
written = cubegen.Cube(helium, nx=40, ny=40, nz=40)
values = cubegen.density(helium, "he.cube", density_matrix, nx=40, ny=40, nz=40)
read = cubegen.Cube(helium, nx=40, ny=40, nz=40)
back = read.read("he.cube")
last = [cube.get_coords()[-1, 0] for cube in (written, read)]
electrons = values.sum() * written.get_volume_element()
box = abs(np.linalg.det(written.box))
print(f"last point written {last[0]:.5f}, read back {last[1]:.5f} bohr; box {box:.0f} bohr^3")
print(f"sum times volume element: {electrons:.5f}; times the box: {electrons * box:.3f}")
assert np.abs(back - values).max() < 1e-5
assert abs(last[0] - 3) < 1e-6 and abs(last[1] - 3 * 41 / 39) < 2e-3
assert abs(electrons - 0.0093) < 1e-4 and abs(electrons * box - 2) < 0.02
PY
