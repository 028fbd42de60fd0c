"""This file makes a folder a registry: the file name is the entry's name.

Listing imports nothing. Files whose name starts with an underscore serve the folder and are no
entries. To add an entry, add a file.
"""

import importlib
import importlib.util
from functools import cached_property
from pathlib import Path
from types import ModuleType

from descend.errors import SettingError, did_you_mean


class Catalog:
    """The entries of one package, for example `Catalog("descend.optim", "optimizer")`."""

    def __init__(self, package: str, noun: str) -> None:
        self.package = package
        self.noun = noun

    @cached_property
    def names(self) -> tuple[str, ...]:
        spec = importlib.util.find_spec(self.package)
        assert spec is not None and spec.submodule_search_locations is not None
        found: set[str] = set()
        for location in spec.submodule_search_locations:
            for path in Path(location).iterdir():
                is_entry = path.suffix == ".py" or (path / "__init__.py").is_file()
                if is_entry and not path.name.startswith("_"):
                    found.add(path.stem)
        return tuple(sorted(found))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def load(self, name: str) -> ModuleType:
        """Import one entry. A name that is not there raises SettingError with the nearest."""
        if name not in self.names:
            raise SettingError(f"unknown {self.noun} {name!r}; {did_you_mean(name, self.names)}")
        return importlib.import_module(f"{self.package}.{name}")
