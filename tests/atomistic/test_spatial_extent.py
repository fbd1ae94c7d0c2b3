import pytest
import torch
from ase.build import molecule
from schnetpack import properties

from schnetpack_molfield.atomistic import ElectronicSpatialExtent


def batch(dtype: torch.dtype, *names: str) -> dict[str, torch.Tensor]:
    molecules = [molecule(name) for name in names]
    positions = torch.cat([torch.tensor(atoms.positions, dtype=dtype) for atoms in molecules])
    sizes = torch.tensor([len(atoms) for atoms in molecules])
    return {
        properties.Z: torch.cat([torch.tensor(atoms.numbers) for atoms in molecules]),
        properties.R: positions,
        properties.idx_m: torch.repeat_interleave(torch.arange(len(molecules)), sizes),
        "scalar_representation": torch.randn(len(positions), 8, dtype=dtype),
    }


def extent(module: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    return module(dict(inputs))["electronic_spatial_extent"]


@pytest.fixture
def read_out(dtype: torch.dtype) -> ElectronicSpatialExtent:
    return ElectronicSpatialExtent(8).to(dtype)


def test_populations_times_squared_distances(read_out, dtype) -> None:
    inputs = batch(dtype, "H2O", "CH3CH2OH")
    populations = read_out.outnet(inputs["scalar_representation"])[:, 0]
    expected, start = [], 0
    for name in ("H2O", "CH3CH2OH"):
        atoms = molecule(name)
        offsets = torch.tensor(atoms.positions - atoms.get_center_of_mass(), dtype=dtype)
        own = populations[start : start + len(atoms)]
        expected.append((own * offsets.square().sum(1)).sum())
        start += len(atoms)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(
        extent(read_out, inputs), torch.stack(expected), rtol=tolerance, atol=tolerance
    )


def test_a_shift_changes_nothing(read_out, dtype) -> None:
    inputs = batch(dtype, "C6H6", "SiH4")
    shifted = inputs | {properties.R: inputs[properties.R] + torch.tensor([3, -7, 11]).to(dtype)}
    tolerance = 1e-4 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(
        extent(read_out, inputs), extent(read_out, shifted), rtol=tolerance, atol=tolerance
    )


def test_an_atom_has_no_extent_of_its_own(read_out, dtype) -> None:
    assert extent(read_out, batch(dtype, "C", "H2"))[0].item() == pytest.approx(0.0, abs=1e-12)


def test_torchscript_agrees(read_out, dtype) -> None:
    inputs = batch(dtype, "NH3", "CO2")
    scripted = torch.jit.script(read_out)
    torch.testing.assert_close(extent(scripted, inputs), extent(read_out, inputs), rtol=0, atol=0)


def test_gradient_by_finite_differences() -> None:
    read_out = ElectronicSpatialExtent(8).double()
    inputs = batch(torch.float64, "CH4")

    def of_positions(positions: torch.Tensor) -> torch.Tensor:
        return extent(read_out, inputs | {properties.R: positions})

    assert torch.autograd.gradcheck(of_positions, inputs[properties.R].requires_grad_())
