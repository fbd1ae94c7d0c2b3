"""Smoothness of learned encodings as a term of SchNetPack's loss."""

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from schnetpack.task import AtomisticTask, UnsupervisedModelOutput
from torch import Tensor, nn
from torchmetrics import MeanMetric

from schnetpack_molfield.nn import CubicSpline

__all__ = ["EncodingSmoothness", "SmoothnessOutput", "encoding_roughness"]


def encoding_roughness(model: nn.Module) -> Tensor:
    r"""Sum of the roughness of all learned encodings in a model.

    The regulariser of Gao et al. 2022 (arXiv:2211.12773), here for each encoding the mean over its
    features of :math:`\int f''(q)^2 dq`; see `CubicSpline.roughness`. It doesn't depend on the
    number of knots. In the unit of the model: 1/Angstrom^3 for distances, 1/rad^3 for angles.

    Args:
        model: any module that holds learned encodings, at any depth.

    Returns:
        Scalar tensor, differentiable in the encodings.

    Raises:
        ValueError: if the model holds no learned encoding.
    """
    splines = [module for module in model.modules() if isinstance(module, CubicSpline)]
    if not splines:
        raise ValueError(
            "the model has no learned encoding to smooth; choose "
            "model/representation/radial_basis=molfield_learned or leave molfield_smoothness out"
        )
    return torch.stack([spline.roughness() for spline in splines]).sum()


class SmoothnessOutput(UnsupervisedModelOutput):
    """Loss term `weight * encoding_roughness(model)` for `AtomisticTask(outputs=[...])`.

    It counts while training only, so that the validation loss that picks the best model and steers
    the learning rate stays the error on the data. Logged as `{train,val,test}_encoding_roughness`.

    Args:
        model: the model that the task trains.
        weight: factor of the roughness in the loss, not negative.

    Raises:
        ValueError: if the weight is negative or the model has no learned encoding.
    """

    def __init__(self, model: nn.Module, weight: float) -> None:
        if not weight >= 0:
            raise ValueError(f"the weight of the smoothness must not be negative, got {weight}")
        encoding_roughness(model)
        super().__init__(name="encoding", loss_weight=weight, metrics={"roughness": MeanMetric()})
        self._model = (model,)  # in a tuple: the task owns the model's parameters, not this term

    def calculate_loss(
        self, pred: dict[str, Tensor], target: dict[str, Tensor] | None = None
    ) -> Tensor | float:
        """Return the term; what was predicted and for which target doesn't matter."""
        if not self.training or self.loss_weight == 0:
            return 0.0
        return self.loss_weight * encoding_roughness(*self._model)

    def update_metrics(
        self, pred: dict[str, Tensor], target: dict[str, Tensor], subset: str
    ) -> None:
        """Record the roughness."""
        with torch.no_grad():
            self.metrics[subset]["roughness"](encoding_roughness(*self._model))


class EncodingSmoothness(Callback):
    """Adds a `SmoothnessOutput` to SchNetPack's task, whatever the model and its other outputs.

    A callback, because Hydra merges the dictionary of callbacks and replaces the list of outputs:
    `spktrain experiment=md17 +callbacks=molfield_smoothness`.

    Args:
        weight: factor of the roughness in the loss, not negative.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Add the term before training starts.

        Raises:
            TypeError: if the task isn't SchNetPack's.
            ValueError: if the model has no learned encoding.
        """
        if not isinstance(pl_module, AtomisticTask):
            kind = type(pl_module).__name__
            raise TypeError(f"EncodingSmoothness needs a schnetpack.AtomisticTask, got {kind}")
        if not any(isinstance(output, SmoothnessOutput) for output in pl_module.outputs):
            pl_module.outputs.append(SmoothnessOutput(pl_module.model, self.weight))
