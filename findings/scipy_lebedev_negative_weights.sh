#!/usr/bin/env bash
# SciPy 1.17.1, scipy.integrate.lebedev_rule: the rules of order 13, 25 and 27 have negative weights (8 of 74, 6 of 230 and 18 of 266
# points), all other orders up to 131 have none. Whoever draws directions by these weights, takes their root, or bounds an average
# by its integrand has to choose a neighbouring order. Orders that Lebedev didn't publish, 33 or 37 for example, and order 1, whose
# rule would be a single point, raise NotImplementedError.
# Seen: smallest weights -0.37179, -0.69400 and -0.03170 (they add up to 4 pi).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "scipy==1.17.1"
"$work/venv/bin/python" - <<'PY'
import numpy as np
from scipy.integrate import lebedev_rule

found, missing = {}, []
for order in range(1, 132, 2):
    try:
        points, weights = lebedev_rule(order)
    except NotImplementedError:
        missing.append(order)
        continue
    assert abs(weights.sum() - 4 * np.pi) < 1e-9
    if weights.min() < 0:
        found[order] = (points.shape[1], int((weights < 0).sum()), round(float(weights.min()), 5))
print("negative weights:", found, "not there:", missing)
assert found == {13: (74, 8, -0.37179), 25: (230, 6, -0.694), 27: (266, 18, -0.0317)}
assert {1, 33, 37} <= set(missing)
PY
