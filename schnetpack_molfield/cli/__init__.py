"""The `molfield` command: what SchNetPack's own commands have no word for.

Every subcommand is a module of this folder with one typer function. To add one, write
`schnetpack_molfield/cli/<name>.py` with a function, and add one line to `COMMANDS`.
"""

from schnetpack_molfield.cli.app import app, main

__all__ = ["app", "main"]
