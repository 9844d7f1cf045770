"""Starts and ends the programs sooner that do one thing and are gone: Django's commands.

Servers do without: they load everything before they serve, so no request waits for it.
"""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Any

# Hardly a command uses these. What imports a name out of one loads it at once: write `import redis`, not `from redis`.
LATER = frozenset({"aiohttp", "jinja2", "redis", "typst", "xlsxwriter"})
ALLOCATIONS = 100_000
_LOADING = RLock()


class _Waiting(ModuleType):
    """A library that is there but for its code. Python's own LazyLoader already runs it when it is imported twice."""

    def __getattr__(self, name: str) -> Any:
        loader = vars(self)["__spec__"].loader
        # Another thread waits for all of it; this one, while it loads, sees what is there so far, as in any import.
        with _LOADING:
            if not loader.begun:
                loader.begun = True
                loader.behind.exec_module(self)
                self.__class__ = ModuleType  # type: ignore[assignment]
        return ModuleType.__getattribute__(self, name)


class _Later(Loader):
    """Loads a library's code when something of it is asked for."""

    def __init__(self, behind: Loader) -> None:
        self.behind = behind
        self.begun = False

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.behind.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Waiting

    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in LATER else None
        if spec and spec.loader:
            spec.loader = cls(spec.loader)
        return spec


@contextmanager
def briefly() -> Iterator[None]:
    """Within it, LATER's libraries load when they are used, and garbage is looked for seldom: loading leaves little.

    At its end nothing is looked for any more: taking apart all that was loaded takes longer than most commands.
    """
    gc.set_threshold(ALLOCATIONS, 20, 20)
    sys.meta_path.insert(0, _Later)
    try:
        yield
    finally:
        sys.meta_path.remove(_Later)
        gc.freeze()
