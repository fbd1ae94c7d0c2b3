"""Fits of the field of one molecule, complex or ensemble to samples of it."""

from .auto_decoder import AutoDecoder as AutoDecoder
from .channels import channel_members as channel_members, default_channels as default_channels
from .field_fit import FieldFit as FieldFit, FitOptions as FitOptions
from .files import (
    load_fit_file as load_fit_file,
    resume_fit as resume_fit,
    save_fit_file as save_fit_file,
)
from .fitted_fields import FittedFields as FittedFields
from .task import FitTask as FitTask
