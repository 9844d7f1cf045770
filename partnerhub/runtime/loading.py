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

from partnerhub.runtime import generated

# Hardly a command uses these. What imports a name out of one loads it at once: write `import redis`, not `from redis`.
LATER = frozenset(
    {
        *("aiohttp", "jinja2", "jwt", "markdown", "redis", "typst", "xlsxwriter", "yarl"),
        *("cryptography.fernet", "cryptography.x509", "jwt.algorithms"),
        *(f"cryptography.hazmat.primitives.{name}" for name in ("hashes", "serialization", "kdf.hkdf")),
        *(f"cryptography.hazmat.primitives.asymmetric.{name}" for name in ("padding", "rsa")),
        "allauth.mfa.webauthn.internal.auth",
        "encodings.idna",
        "idna",
        "rest_framework.test",
    }
)
# What others import by its name out of one of these and only ever call: calling it loads the library.
CALLED = {"rest_framework.test": frozenset({"APIRequestFactory"})}
# Developers' tools bring these; libraries that find them load all of them, for nothing that a command says.
FOR_SHOW = frozenset({"pygments", "rich"})
ALLOCATIONS = 100_000
_LOADING = RLock()


class _Waiting(ModuleType):
    """A library that is there but for its code. Python's own LazyLoader already runs it when it is imported twice."""

    def __getattr__(self, name: str) -> Any:
        if name == "__path__":  # asked of whatever a name is imported from; a package has it from the start
            raise AttributeError(name)
        if name in CALLED.get(self.__name__, ()):
            return lambda *given, **named: _loaded(self, name)(*given, **named)
        return _loaded(self, name)


def _loaded(module: ModuleType, name: str) -> Any:
    loader = vars(module)["__spec__"].loader
    # Another thread waits for all of it; this one, while it loads, sees what is there so far, as in any import.
    with _LOADING:
        if not loader.begun:
            loader.begun = True
            loader.behind.exec_module(module)
            module.__class__ = ModuleType
    return ModuleType.__getattribute__(module, name)


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
    hidden = FOR_SHOW - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is how Python writes down an absent one
    sys.meta_path.insert(0, _Later)
    try:
        with generated.kept():
            yield
    finally:
        sys.meta_path.remove(_Later)
        for name in hidden:
            del sys.modules[name]
        gc.freeze()
