#!/usr/bin/env bash
# gemmi 0.7.5, read_pdb_string of a water as CHARMM-style programs write it: residue TIP3 in columns 18 to 21, chain W behind it. The
# residue is read as 'TIP' in a chain named '3W', and is_water() says False, although H2O of the same coordinates named HOH is water.
# Selecting by chain or leaving out waters by is_water() then keeps the whole box of solvent.
# Seen: residue TIP, chain 3W, is_water False; for HOH True.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "gemmi==0.7.5"
"$work/venv/bin/python" - <<'PY'
import gemmi

WATER = """\
ATOM      1  {}{} W   1      10.000  10.000  10.000  1.00  0.00           O
ATOM      2  H1  {} W   1      10.957  10.000  10.000  1.00  0.00           H
ATOM      3  H2  {} W   1       9.760  10.927  10.000  1.00  0.00           H
END
"""
charmm = WATER.format("OH2 ", "TIP3", "TIP3", "TIP3").replace("TIP3 W", "TIP3W")
usual = WATER.format("O   ", "HOH", "HOH", "HOH")
found = []
for text in (charmm, usual):
    (chain,) = gemmi.read_pdb_string(text)[0]
    (residue,) = chain
    found.append((residue.name, chain.name, residue.is_water()))
print(found)
assert found == [("TIP", "3W", False), ("HOH", "W", True)]
PY
