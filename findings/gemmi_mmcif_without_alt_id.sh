#!/usr/bin/env bash
# gemmi 0.7.5, make_structure_from_block of an mmCIF block whose _atom_site loop has coordinates, elements, names and chains but no
# column label_alt_id (a program that has no alternative locations may leave it out): the structure has no models at all, without an
# error. With the column, every entry a dot, the same rows give the atom.
# Seen: 0 models without the column, 1 with it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "gemmi==0.7.5"
"$work/venv/bin/python" - <<'PY'
import gemmi

COLUMNS = {
    "group_PDB": "HETATM", "id": "1", "type_symbol": "C", "label_atom_id": "C1", "label_alt_id": ".",
    "label_comp_id": "LIG", "label_asym_id": "A", "label_entity_id": "1", "label_seq_id": ".",
    "Cartn_x": "1.0", "Cartn_y": "2.0", "Cartn_z": "3.0", "occupancy": "1.0", "B_iso_or_equiv": "0.0",
    "auth_seq_id": "1", "auth_asym_id": "A",
}


def models(columns):
    names = "".join(f"_atom_site.{name}\n" for name in columns)
    text = f"data_x\nloop_\n{names}{' '.join(columns.values())}\n"
    block = gemmi.cif.read_string(text).sole_block()
    return len(gemmi.make_structure_from_block(block))


without = {name: value for name, value in COLUMNS.items() if name != "label_alt_id"}
found = models(without), models(COLUMNS)
print("models without and with label_alt_id:", found)
assert found == (0, 1)
PY
