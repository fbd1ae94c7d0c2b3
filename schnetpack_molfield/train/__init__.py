"""Losses, metrics and callbacks."""

from schnetpack_molfield.train.callbacks import ModelRecord, PrintTestErrors, PrintUsage
from schnetpack_molfield.train.record import attach_record, make_record, read_record

__all__ = [
    "ModelRecord",
    "PrintTestErrors",
    "PrintUsage",
    "attach_record",
    "make_record",
    "read_record",
]
