#!/usr/bin/env bash
# torch 2.14.1, CPU, torch.compile with the default compiler: running one compiled function changes arithmetic of the whole process that
# runs it. Before, 1e-310 * 1.0 in NumPy and in torch's eager mode is a denormal number; after the first call of a compiled function it
# is 0.0, in code that has nothing to do with that function, until the process ends. torch.set_flush_denormal was never called.
# Seen: before 1e-310, after 0.0, for NumPy and for an eager torch tensor alike.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "torch==2.14.1" "numpy>=2" setuptools
TORCHINDUCTOR_CACHE_DIR="$work/cache" "$work/venv/bin/python" - <<'PY'
import numpy as np
import torch

torch.set_num_threads(1)


def products():
    small = np.full(64, 1e-310)
    return float((small * np.ones(64))[0]), float((torch.from_numpy(small) * torch.ones(64))[0])


before = products()
torch.compile(lambda x: (x * 2 + 1).sum())(torch.ones(1000))
after = products()
print("before", before, "after", after)
assert before[0] > 0 and before[1] > 0
assert after == (0.0, 0.0)
PY
