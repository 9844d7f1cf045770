"""What the environment says about this hub, and the environment its processes get."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from partnerhub.runtime.bootstrap import ROOT

DEFAULT_PORT = 8000
DEFAULT_FOLDER = ".hub"


class ConfigurationError(Exception):
    """An environment variable holds what cannot be used; the text names it and its value."""


@dataclass(frozen=True)
class Configuration:
    """One hub: its port, its folder, and the real servers it was pointed at (None: embedded ones)."""

    port: int
    folder: Path
    base_url: str
    database_url: str | None
    redis_url: str | None

    @property
    def publisher_port(self) -> int:
        return self.port + 1

    @property
    def publisher_url(self) -> str:
        return f"http://127.0.0.1:{self.publisher_port}"

    @property
    def local_url(self) -> str:
        """Where web answers on this machine, whatever the base URL (a proxy's) says."""
        return f"http://127.0.0.1:{self.port}"


def configuration(environ: Mapping[str, str]) -> Configuration:
    """Read it from the environment. Raises ConfigurationError."""
    port = _port(environ.get("HUB_PORT") or str(DEFAULT_PORT))
    folder = Path(environ.get("HUB_DATA") or DEFAULT_FOLDER).expanduser()
    return Configuration(
        port=port,
        folder=folder if folder.is_absolute() else ROOT / folder,
        base_url=(environ.get("HUB_BASE_URL") or f"http://127.0.0.1:{port}").rstrip("/"),
        database_url=environ.get("DATABASE_URL") or None,
        redis_url=environ.get("REDIS_URL") or None,
    )


def demo_environment(
    hub: Configuration, environ: Mapping[str, str], *, database_url: str, redis_url: str, secret_key: str
) -> dict[str, str]:
    """The environment of a demo's processes: everything we have, and what makes it this hub."""
    return {
        **environ,
        "HUB_ENV": "demo",
        "SECRET_KEY": secret_key,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HUB_PORT": str(hub.port),
        "HUB_DATA": str(hub.folder),
        "HUB_BASE_URL": hub.base_url,
        "HUB_ALLOW_PRIVATE_PUBLISHERS": "true",
        "DJANGO_SETTINGS_MODULE": "partnerhub.settings",
        "PYTHONUNBUFFERED": "1",
        # A console script puts its own directory first on the path, not the checkout.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), environ.get("PYTHONPATH", "")])),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)]),
    }


def _port(text: str) -> int:
    # The demo publisher listens on the port above.
    if not text.isdecimal() or not 1 <= int(text) <= 65534:
        raise ConfigurationError(f"HUB_PORT is {text!r}: it must be a port between 1 and 65534.")
    return int(text)
