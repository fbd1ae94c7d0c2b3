"""Fit the atomic electron densities of `schnetpack_molfield.fields.promolecule`.

Every neutral atom is solved spherically averaged (fractional occupations) with B3LYP by PySCF,
in 6-31G(2df,p), the level of QM9, for H to Ar and in def2-TZVP for K to Kr. Its density is fitted
by a few Gaussians of s and p shells,

    rho(r) = sum_k (s_k + p_k 2 a_k r^2 / 3) (a_k / pi)^(3/2) exp(-a_k r^2),   s_k, p_k >= 0,

which minimise the integral of (rho - rho_fit)^2 / rho; the populations s_k and p_k are then scaled
to the nuclear charge. Positive terms keep the density positive everywhere. The error printed is
the integral of |rho - rho_fit| over the number of electrons.

    python -m benchmarks.fit_promolecule > schnetpack_molfield/fields/promolecule.csv
"""

from __future__ import annotations

import sys

import numpy as np
from ase.data import chemical_symbols
from pyscf import gto
from pyscf.dft import numint
from pyscf.scf.atom_ks import get_atm_nrks
from scipy.optimize import least_squares, nnls

HEADER = """# Gaussian fits of atomic densities, written by benchmarks/fit_promolecule.py.
# Level: B3LYP, 6-31G(2df,p) for H to Ar and def2-TZVP for K to Kr, spherically averaged neutral
# atoms, PySCF.
# atomic number, s population, p population, exponent in 1/bohr^2
"""


def radial_density(symbol: str, radii: np.ndarray) -> np.ndarray:
    """Spherically averaged density (n_radii,) in e/bohr^3 at `radii` in bohr."""
    number = chemical_symbols.index(symbol)
    basis = "6-31g(2df,p)" if number <= 18 else "def2-tzvp"
    atom = gto.M(atom=symbol, basis=basis, spin=number % 2, verbose=0)
    _, _, orbitals, occupations = get_atm_nrks(atom, xc="b3lyp")[symbol]
    direction = np.array([0.36, 0.48, 0.80])
    values = numint.eval_ao(atom, radii[:, None] * direction) @ orbitals
    return (values**2) @ occupations


def shell_functions(radii: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Normalised s and p shell densities (n_radii, 2 n_exponents)."""
    s_shell = np.exp(-np.outer(radii**2, exponents)) * (exponents / np.pi) ** 1.5
    return np.concatenate([s_shell, s_shell * np.outer(radii**2, exponents) * 2 / 3], axis=1)


def fit(number: int, n_exponents: int, lowest: float) -> tuple[np.ndarray, float]:
    """Rows (s population, p population, exponent) and the relative L1 error, from one start."""
    radii = np.geomspace(1e-4, 16.0, 600)
    density = radial_density(chemical_symbols[number], radii)
    keep = density > 1e-9
    radii, density = radii[keep], density[keep]
    shell = 4 * np.pi * radii**2 * np.gradient(radii)  # (n_radii,)
    weight = np.sqrt(shell / density)

    def residual(parameters: np.ndarray) -> np.ndarray:
        s_and_p, exponents = np.split(np.exp(parameters), [2 * n_exponents])
        return weight * (shell_functions(radii, exponents) @ s_and_p - density)

    exponents = np.geomspace(lowest, 60.0 * number**2, n_exponents)
    functions = shell_functions(radii, exponents)
    populations, _ = nnls(weight[:, None] * functions, weight * density)
    start = np.log(np.concatenate([np.maximum(populations, 1e-2), exponents]))
    found = np.exp(least_squares(residual, start, max_nfev=1500).x)
    populations, exponents = np.split(found, [2 * n_exponents])
    populations = np.where(populations > 1e-6, populations, 0.0)
    populations *= number / populations.sum()
    difference = shell_functions(radii, exponents) @ populations - density
    rows = np.column_stack([*np.split(populations, 2), exponents])
    return rows[np.argsort(exponents)], (shell * np.abs(difference)).sum() / number


def main() -> None:
    """Write the table to standard output and the errors to standard error."""
    print(HEADER, end="")
    for number in range(1, 37):
        n_exponents = 6 if number <= 2 else 9 if number <= 18 else 12
        starts = [fit(number, n_exponents, lowest) for lowest in (0.08, 0.13, 0.2)]
        rows, error = min(starts, key=lambda start: start[1])
        print(f"{chemical_symbols[number]:3s} relative L1 error {error:.1e}", file=sys.stderr)
        for row in rows[rows[:, :2].any(axis=1)]:
            print(f"{number},{row[0]:.8g},{row[1]:.8g},{row[2]:.8g}")


if __name__ == "__main__":
    main()
