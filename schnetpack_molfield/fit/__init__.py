"""Fits of the field of one molecule, complex or ensemble to samples of it."""

from schnetpack_molfield.fit.auto_decoder import AutoDecoder
from schnetpack_molfield.fit.channels import channel_weights, default_channels
from schnetpack_molfield.fit.field_fit import FieldFit, FitOptions
from schnetpack_molfield.fit.files import load_fit_file, resume_fit, save_fit_file
from schnetpack_molfield.fit.fitted_fields import FittedFields
from schnetpack_molfield.fit.task import FitTask

__all__ = [
    "AutoDecoder",
    "FieldFit",
    "FitOptions",
    "FitTask",
    "FittedFields",
    "channel_weights",
    "default_channels",
    "load_fit_file",
    "resume_fit",
    "save_fit_file",
]
