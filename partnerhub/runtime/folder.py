"""The hub's own folder (`HUB_DATA`): its secret, its lock, who runs in it, and forgetting it."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from partnerhub.runtime import embedded

# What a hub makes in its folder; a reset touches nothing else.
OURS = (
    "postgres",
    "valkey",
    "logs",
    "static",
    "static.stamp",
    "publisher",
    "demo.json",
    "hub.json",
    "secret_key",
    "beat-schedule",
)


class FolderInUseError(Exception):
    """Another process holds the folder; the text says which and what to do."""


@dataclass(frozen=True)
class Running:
    """What the process that holds the folder lets others know: the content of `hub.json`."""

    pid: int
    purpose: str
    base_url: str
    database_url: str
    redis_url: str


class HubFolder:
    """One hub's folder. Nothing is made before `make()`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def demo_file(self) -> Path:
        return self.path / "demo.json"

    @property
    def state_file(self) -> Path:
        return self.path / "hub.json"

    def make(self) -> None:
        """Make the folder, closed to others. (As root, others may pass through: PostgreSQL runs as `nobody`.)"""
        if not self.path.exists():  # a folder that was there before is somebody's: its mode is not ours to change
            self.path.mkdir(parents=True)
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)

    def secret_key(self) -> str:
        """The key of this hub, made once, readable by its owner alone."""
        file = self.path / "secret_key"
        if not file.exists():
            write_private(file, secrets.token_urlsafe(50))
        return file.read_text(encoding="utf-8").strip()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder: one hub, or one command with embedded servers, at a time. Raises FolderInUseError."""
        self.make()
        with (self.path / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FolderInUseError(self._who_holds_it()) from None
            try:
                yield
            finally:
                self.state_file.unlink(missing_ok=True)

    def is_held(self) -> bool:
        """Whether some process holds the folder now."""
        try:
            with (self.path / "lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def announce(self, running: Running) -> None:
        """Write `hub.json`, for commands that want to attach."""
        write_private(self.state_file, json.dumps(asdict(running), indent=1))

    def running(self) -> Running | None:
        """Who holds the folder, if somebody does and has announced it."""
        if not self.is_held():
            return None
        try:
            return Running(**json.loads(self.state_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def reset(self) -> None:
        """Forget everything a hub made here; what others put into the folder stays."""
        for place in [embedded.database_place(self.path), *(self.path / name for name in OURS)]:
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
        for schedule in self.path.glob("beat-schedule*"):
            schedule.unlink()
        self.make()

    def _who_holds_it(self) -> str:
        running = self.running()
        if running is None:
            return f"Another process is using {self.path}. Try again in a moment, or set HUB_DATA to another folder."
        if running.purpose == "demo":
            return (
                f"A hub is already running on {self.path} (process {running.pid}, {running.base_url}). "
                "Stop it first, or set HUB_DATA and HUB_PORT for a second one."
            )
        return (
            f"`manage.py {running.purpose}` (process {running.pid}) is using {self.path}. Try again when it has ended."
        )


def write_private(file: Path, text: str) -> None:
    """Replace the file's content in one step, readable by its owner alone."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as output:
        output.write(text)
    part.replace(file)
