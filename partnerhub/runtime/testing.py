"""`manage.py test` and `manage.py check_all`: the project's tests and checks, over servers of their own."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from partnerhub.runtime import browser, embedded, messages
from partnerhub.runtime.bootstrap import ROOT, say

# A whole run has two halves side by side. What only needs a database is shared by two processes; what starts hubs and
# browsers mostly waits, and keeps its ports and its order in one. Left out are long walks over what others prove by
# samples: CI has twenty minutes. Any arguments are one run as they say.
SHARED = ["-n", "2", "-m", "not scenario and not browser and not exhaustive"]
STARTED = ["tests/browser", "tests/scenarios", "tests/web/test_hub_js.py"]  # to read all the others took half a minute
TOGETHER = [*STARTED, "-m", "(scenario or browser) and not exhaustive"]
TEMPLATE = "migrated"


def test(arguments: list[str]) -> int:
    """Run pytest with these arguments, or everything; its exit code, of two the first that is not zero.

    Its summary is the last line on standard output.
    """
    _offer_chromium()
    messages.compile_all()
    with servers() as environment:
        return _wait_for(_pytest(arguments, environment)) if arguments else _everything(environment)


def _everything(environment: dict[str, str]) -> int:
    """Both halves at once; what the second one says is printed when the first one has said everything."""
    environment = environment | _migrated_once(environment)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as kept:
        together = _pytest(TOGETHER, environment | {"HUB_TEST_DATABASE": "test_together"}, kept)
        codes = [_wait_for(_pytest(SHARED, environment), beside=together), _wait_for(together)]
        kept.seek(0)
        print(kept.read(), end="", flush=True)
    return next((code for code in codes if code), 0)


def _migrated_once(environment: dict[str, str]) -> dict[str, str]:
    """A database with every migration, for each process to copy; what tells them of it.

    None on a server of somebody's own, or where migrating fails: the tests themselves say so.
    """
    if os.environ.get("DATABASE_URL"):
        return {}
    url = embedded.make_database(environment["DATABASE_URL"], TEMPLATE)
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    migrated = subprocess.run(command, cwd=ROOT, env=environment | {"DATABASE_URL": url}, check=False)
    return {} if migrated.returncode else {"HUB_TEST_TEMPLATE": TEMPLATE}


def _pytest(
    arguments: list[str], environment: dict[str, str], output: IO[str] | None = None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)


def _wait_for(process: subprocess.Popen[bytes], *, beside: subprocess.Popen[bytes] | None = None) -> int:
    """Its exit code. Signals reach `beside` as well."""
    _leave_signals_to(*filter(None, (process, beside)))
    code = process.wait()
    return code if code >= 0 else 128 - code


def check_all(arguments: list[str]) -> int:
    """Run every static check, the failed ones' output as they come and a summary last; 1 if any failed."""
    if arguments:
        say(f"`manage.py check_all` takes no arguments; it was given {' '.join(arguments)}.")
        return 2
    wanted = checks()
    with servers() as environment, ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        passed = side_by_side.map(lambda name: _passes(name, wanted[name], environment), wanted)
        failed = [name for name, has_passed in zip(wanted, passed, strict=True) if not has_passed]
    print(f"Failed: {', '.join(failed)}." if failed else "All checks passed.")
    return 1 if failed else 0


def checks() -> dict[str, list[str]]:
    """Every check by its name: the command that runs it."""
    programs = Path(sys.executable).parent
    manage = [sys.executable, "-m", "django"]
    templates = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "templates").rglob("*.html"))
    found = {
        "ruff check": [f"{programs}/ruff", "check", "--quiet", "."],
        "ruff format": [f"{programs}/ruff", "format", "--check", "--quiet", "--diff", "."],
        "mypy": [f"{programs}/mypy"],
        "lint-imports": [f"{programs}/lint-imports", "--no-logo"],
        "djade": [f"{programs}/djade", "--check", *templates],
        "migrations": [*manage, "makemigrations", "--check", "--dry-run"],
        "django check": [*manage, "check", "--fail-level", "WARNING"],
    }
    return found if templates else {name: command for name, command in found.items() if name != "djade"}


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Throw-away servers (those of DATABASE_URL and REDIS_URL where set), and the environment that leads to them."""
    with tempfile.TemporaryDirectory(prefix="partner-hub-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user
        database = embedded.Postgres(folder, log=folder / "postgres.log", fast=True)
        broker = embedded.Valkey(folder / "valkey", log=folder / "valkey.log", fast=True)
        environment = {**os.environ, "HUB_ENV": "test", "HUB_DATA": str(folder / "hub")}
        environment |= {"DJANGO_SETTINGS_MODULE": "partnerhub.settings", "PYTHONPATH": str(ROOT)}
        environment |= _compiled_modules()
        try:
            if not environment.get("DATABASE_URL"):
                database.start()
                environment["DATABASE_URL"] = database.url
            if not environment.get("REDIS_URL"):
                broker.start()
                environment["REDIS_URL"] = broker.url
            yield environment
        finally:
            broker.stop()
            database.stop()


def _compiled_modules() -> dict[str, str]:
    # Where the checkout must stay free of compiled modules, each of very many processes would compile everything.
    if not sys.dont_write_bytecode:
        return {}
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(sys.prefix) / "compiled")}


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    print(f"{name}: {'failed' if done.returncode else 'ok'} ({time.monotonic() - started:.1f} s)", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0


def _offer_chromium() -> None:
    if browser.find_chromium():
        return
    if browser.can_install():
        say("No Chromium for the browser tests: installing it with apt-get.")
        if browser.install_chromium():
            return
    say(f"No Chromium: the browser tests will be skipped. To run them: {browser.INSTALL_LINE}")


def _leave_signals_to(*processes: subprocess.Popen[bytes]) -> None:
    """Ctrl-C reaches pytest by the terminal, SIGTERM through us; we stay to stop the servers after it."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        for process in processes:
            process.send_signal(number)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, pass_on)
