"""Trained models that come with the package, by name: the safe files in its folder `models`.

To add one put `NAME.safetensors`, by `molfield export`, and its card, `NAME.md`, into that folder.
"""

from pathlib import Path

__all__ = ["shipped_models"]

FOLDER = Path(__file__).with_name("models")


def shipped_models() -> dict[str, Path]:
    """Files of the models by their names."""
    return {file.stem: file for file in sorted(FOLDER.glob("*.safetensors"))}
