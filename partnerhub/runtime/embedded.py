"""Our own PostgreSQL and Valkey: direct children behind unix sockets, in the hub's data folder."""

import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

import psycopg
from psycopg import sql

from partnerhub.runtime import binaries, processes

# sun_path holds 108 bytes with the closing zero.
LONGEST_SOCKET_PATH = 107
DATABASE = "hub"
USER = "hub"
START_SECONDS = 60.0

_TUNING = {
    "jit": "off",
    "random_page_cost": "1.1",
    "shared_buffers": "256MB",
    # A checkpoint each gigabyte of log writes every page of an index once more.
    "max_wal_size": "4GB",
    "max_connections": "100",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


class StartError(Exception):
    """A server did not come up; the text says why, with the end of its log where it has one."""


class Postgres:
    """PostgreSQL on `folder/postgres`, as a child of this process. `fast` gives up durability: for tests only."""

    name = "postgres"

    def __init__(self, folder: Path, *, log: Path, fast: bool = False) -> None:
        self.log = log
        self._fast = fast
        self._uid = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        self.data = database_place(folder)
        self._socket_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What DATABASE_URL says to reach it; known once it was started."""
        if self._socket_folder is None:
            raise StartError("PostgreSQL was not started")
        return socket_url(self._socket_folder)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Initialise the folder if it is new, start, and return when connections are accepted. Raises StartError."""
        home = binaries.postgres_home()
        if self._uid is not None:
            home = binaries.reachable_copy(home)
        self._make_folder()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(home / "bin")
        if self._socket_folder is None:
            self._socket_folder = self._choose_socket_folder()
        settings = _TUNING | (_FAST if self._fast else {}) | {"unix_socket_directories": str(self._socket_folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = processes.spawn(
            [home / "bin" / "postgres", "-D", self.data, "-h", "", *options],
            log=self.log,
            uid=self._uid,
            death_signal=signal.SIGINT,
            cwd=Path("/"),
        )
        wait_for(self._accepts, self._process, self.log)
        self._ensure_database()

    def stop(self) -> None:
        """End the server with a fast shutdown; nothing committed is lost."""
        if self._process:
            processes.stop(self._process, by=signal.SIGINT, seconds=20)
        if self._socket_folder and self._socket_folder != self.data:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            self._socket_folder = None

    def _make_folder(self) -> None:
        if self.data.is_relative_to(binaries.SHARED_PLACE):
            binaries.make_shared(self.data.parent)
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._uid is not None:
            os.chown(self.data, self._uid, self._uid)

    def _initialise(self, programs: Path) -> None:
        # The builtin provider needs no locale of the system and no ICU, which the wheel lacks.
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        sync = ["--no-sync"] if self._fast else []
        process = processes.spawn(
            [programs / "initdb", "-D", self.data, "-U", USER, "-A", "trust", *locale, *sync],
            log=self.log,
            uid=self._uid,
            cwd=Path("/"),
        )
        if process.wait():
            raise StartError(f"PostgreSQL could not make its data folder {self.data}:\n{tail(self.log)}")

    def _choose_socket_folder(self) -> Path:
        if fits_socket(self.data / ".s.PGSQL.5432"):
            return self.data
        folder = Path(tempfile.mkdtemp(prefix="partner-hub-", dir="/tmp"))
        if self._uid is not None:
            os.chown(folder, self._uid, self._uid)
        return folder

    def _accepts(self) -> bool:
        # The eighth line of the pid file says "ready" once start-up or recovery is over.
        lines = _lines(self.data / "postmaster.pid")
        return len(lines) > 7 and lines[7].strip() == "ready" and lines[0].strip() == str(self.pid)

    def _ensure_database(self) -> None:
        with psycopg.connect(
            host=str(self._socket_folder), user=USER, dbname="postgres", autocommit=True
        ) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not found:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


class Valkey:
    """Valkey on `folder`, as a child of this process; without `fast` every second's writes reach the disk."""

    name = "valkey"

    def __init__(self, folder: Path, *, log: Path, fast: bool = False) -> None:
        self.folder = folder.resolve()
        self.log = log
        self._fast = fast
        self._socket: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What REDIS_URL says to reach it; known once it was started."""
        if self._socket is None:
            raise StartError("Valkey was not started")
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, and return when it answers a ping. Raises StartError."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._socket is None:
            self._socket = self._choose_socket()
        keep = ["--appendonly", "no"] if self._fast else ["--appendonly", "yes", "--appendfsync", "everysec"]
        place: list[str | Path] = [
            "--port",
            "0",
            "--unixsocket",
            self._socket,
            "--unixsocketperm",
            "700",
            "--dir",
            self.folder,
        ]
        self._process = processes.spawn([binaries.valkey_server(), *place, *keep, "--save", ""], log=self.log)
        wait_for(self._answers, self._process, self.log)

    def stop(self) -> None:
        """End the server."""
        if self._process:
            processes.stop(self._process)
        if self._socket and self._socket.parent != self.folder:
            shutil.rmtree(self._socket.parent, ignore_errors=True)
            self._socket = None

    def _choose_socket(self) -> Path:
        place = self.folder / "valkey.sock"
        if fits_socket(place):
            return place
        return Path(tempfile.mkdtemp(prefix="partner-hub-", dir="/tmp")) / "valkey.sock"

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def database_place(folder: Path) -> Path:
    """Where PostgreSQL's data of this hub folder lies.

    PostgreSQL refuses to run as root, so root runs it as `nobody`. Where that user cannot pass through the folder's
    parents (a checkout under /root), the data lies in a place of its own instead: no parent's mode is ever changed.
    """
    folder = folder.resolve()
    if os.geteuid() != 0 or binaries.reachable(folder):
        return folder / "postgres"
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return binaries.SHARED_PLACE / "data" / name / "postgres"


def socket_url(folder: Path) -> str:
    """A DATABASE_URL for PostgreSQL's socket in `folder` (the double slash keeps the path absolute)."""
    return f"postgres://{USER}@//{quote(str(folder).lstrip('/'))}/{DATABASE}"


def make_database(beside: str, name: str) -> str:
    """Create an empty database on the server of this URL, which `socket_url` made; its own URL."""
    server, _, present = beside.rpartition("/")
    folder = unquote(server.partition("@/")[2])
    with psycopg.connect(host=folder, user=USER, dbname=present, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"{server}/{name}"


def fits_socket(path: Path) -> bool:
    """Whether the operating system can bind a unix socket at this path."""
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once `ready()`. Raises StartError when the process ends before, or after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None:
            raise StartError(f"It ended at once (exit {process.returncode}):\n{tail(log)}")
        if time.monotonic() > deadline:
            processes.kill_session(process)
            raise StartError(f"It was not ready after {START_SECONDS:.0f} s:\n{tail(log)}")
        time.sleep(0.02)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file; empty if there is none."""
    return "\n".join(_lines(log)[-lines:])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
