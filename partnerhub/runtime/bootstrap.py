"""Makes the checkout's `.venv` from a hashed lock file and goes on inside it. Standard library only."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RUNTIME_LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
# The development lock holds everything the runtime lock does, at the same versions.
CONTAINS = {RUNTIME_LOCK: (RUNTIME_LOCK,), DEV_LOCK: (DEV_LOCK, RUNTIME_LOCK)}
DEVELOPMENT_COMMANDS = {"test", "check_all"}
STAMP = ".hub-installed.json"
UNFINISHED = ".hub-unfinished"


class BootstrapError(Exception):
    """The environment cannot be made; the text tells the user why and what to do."""


def enter(argv: list[str]) -> None:
    """Return inside the checkout's environment, with what this command needs installed; otherwise start again there.

    Raises BootstrapError with a sentence for the user. `HUB_MANAGED_ENV=1` (containers) trusts the interpreter.
    """
    if os.environ.get("HUB_MANAGED_ENV") == "1":
        return
    command = argv[1] if len(argv) > 1 else ""
    lock = DEV_LOCK if command in DEVELOPMENT_COMMANDS else RUNTIME_LOCK
    environment = ROOT / ".venv"
    if not is_current(environment, ROOT / lock):
        with exclusive(ROOT / ".venv.lock"):
            if not is_current(environment, ROOT / lock):  # another process may have been faster
                install(environment, ROOT / lock)
    if Path(sys.prefix).resolve() != environment.resolve():
        python = str(environment / "bin" / "python")
        sys.stdout.flush()
        os.execv(python, [python, *argv])  # noqa: S606 - our own interpreter


def digest(lock: Path) -> str:
    """SHA-256 of the lock file, in hexadecimal."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def is_current(environment: Path, lock: Path) -> bool:
    """Whether the environment was completely installed from exactly this lock file, and can still run."""
    if not (environment / "bin" / "python").exists() or (environment / UNFINISHED).exists():
        return False
    return _stamp(environment).get(lock.name) == digest(lock)


def install(environment: Path, lock: Path) -> None:
    """Bring the environment to the lock file; a half-made one is made anew. Raises BootstrapError."""
    if (environment / UNFINISHED).exists():
        say("The last installation into .venv was interrupted: making it anew.")
        shutil.rmtree(environment)
    uv = find_uv()
    say(f"Installing {lock.name} into .venv with {'uv' if uv else 'pip'}; the first time takes up to a minute.")
    if not _python_works(environment):
        _create(environment, uv)
    (environment / UNFINISHED).touch()
    if not (uv and _install_with_uv(uv, environment, lock)):
        _install_with_pip(environment, lock)
    write_stamp(environment, lock)
    (environment / UNFINISHED).unlink()
    say("Installed.")


def write_stamp(environment: Path, lock: Path) -> None:
    """Record the lock files this environment now satisfies; a smaller lock no longer vouches for a larger one."""
    stamp = {name: digest(lock.parent / name) for name in CONTAINS[lock.name]}
    part = environment / f"{STAMP}.part"
    part.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    part.replace(environment / STAMP)


def find_uv() -> str | None:
    """The uv on PATH, if it is there and runs (a version manager's shim may stand for nothing)."""
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0:
        return uv
    return None


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file; a second process waits, and says so."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is installing into .venv: waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(sentence: str) -> None:
    """Tell the user, on standard error: standard output belongs to the command."""
    print(sentence, file=sys.stderr, flush=True)


def _stamp(environment: Path) -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads((environment / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def _python_works(environment: Path) -> bool:
    python = environment / "bin" / "python"
    if not python.exists():
        return False
    # sys.prefix proves that pyvenv.cfg survived too; without it we would install into the system.
    asked = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=False)
    return asked.returncode == 0 and Path(asked.stdout.strip()).resolve() == environment.resolve()


def _create(environment: Path, uv: str | None) -> None:
    environment.mkdir(exist_ok=True)
    (environment / UNFINISHED).touch()
    if uv:
        made = subprocess.run(
            [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, environment], check=False
        )
        if made.returncode == 0:
            return
    _create_with_venv(environment)


def _create_with_venv(environment: Path) -> None:
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian ships venv without it
        import venv  # noqa: F401, PLC0415
    except ImportError as error:
        raise BootstrapError(
            "This Python cannot make virtual environments. On Debian or Ubuntu run: apt-get install python3-venv"
        ) from error
    made = subprocess.run([sys.executable, "-m", "venv", environment], capture_output=True, text=True, check=False)
    if made.returncode:
        raise BootstrapError(f"Making .venv failed:\n{made.stdout}{made.stderr}")


def _install_with_uv(uv: str, environment: Path, lock: Path) -> bool:
    python = environment / "bin" / "python"
    command: list[str | Path] = [uv, "pip", "install", "--quiet", "--require-hashes", "--compile-bytecode"]
    command += ["--python", python, "-r", lock]
    if subprocess.run(command, check=False).returncode == 0:
        return True
    say("uv could not install (see above): trying pip.")
    return False


def _install_with_pip(environment: Path, lock: Path) -> None:
    python = environment / "bin" / "python"
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        _create_with_venv(environment)
    command: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--require-hashes", "-r", lock]
    if subprocess.run(command, check=False).returncode:
        raise BootstrapError(
            f"pip could not install {lock.name} (see above). Check the network or your package index, then try again."
        )
