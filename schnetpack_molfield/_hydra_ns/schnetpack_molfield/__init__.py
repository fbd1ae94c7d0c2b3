"""Makes this package's configurations visible to every Hydra program, `spktrain` first of all.

Every Hydra program on the machine imports this module, so it imports nothing but Hydra.
"""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class MolFieldSearchPathPlugin(SearchPathPlugin):
    """Appends the package's configurations to the search path, behind the program's own."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append `pkg://schnetpack_molfield.configs`."""
        search_path.append("schnetpack-molfield", "pkg://schnetpack_molfield.configs")
