"""Options of SchNetPack's commands to be pasted into a shell, whatever their values hold."""

import re
import shlex
from collections.abc import Mapping

__all__ = ["command_line"]

_PLAIN = re.compile(r"[\w./-]+", re.ASCII)


def command_line(options: Mapping[str, str]) -> str:
    """Write `key=value` options, quoted for Hydra and for the shell where they need it.

    Args:
        options: values by key; paths may have spaces, `=`, quotes or any other character.
    """
    return " ".join(shlex.quote(f"{key}={_for_hydra(value)}") for key, value in options.items())


def _for_hydra(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = re.sub(r"(\\*)'", r"\1\1\'", value)  # backslashes count before a quote only
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return "'" + escaped.replace("${", r"\${") + "'"
