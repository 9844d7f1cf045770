"""How long the hub takes to be there for a developer: `python -m bench.startup --help`.

`manage.py check` beside `django.setup()` of an empty project, and one test with a database that is there already beside
one without a database. Seconds of this machine, and CPU seconds, which other work distorts less.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Absolute, Ratio, conditions, say, together, written
from partnerhub.runtime import embedded
from partnerhub.runtime.bootstrap import ROOT

_EMPTY = """
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                                   "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles"])
import django
django.setup()
"""
_TESTS = """
import pytest


def test_nothing():
    assert 1 + 1 == 2


@pytest.mark.django_db
def test_a_query(django_user_model):
    assert django_user_model.objects.count() == 0
"""
_PYTEST = "-m pytest -q -p no:cacheprovider -p no:xdist -p no:logging -o timeout=0 --reuse-db"


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from start to end, and CPU seconds."""

    seconds: float
    cpu: float


class Programs:
    """What is started, each in a process of its own, with a database for the tests."""

    def __init__(self, folder: Path, database: str) -> None:
        test = folder / "test_startup.py"
        test.write_text(_TESTS, encoding="utf-8")
        own = {"HUB_ENV": "test", "SECRET_KEY": "bench-" * 10, "DATABASE_URL": database, "HUB_DATA": str(folder)}
        # Without compiled modules, as some machines are set up, it is their compiling that would be measured.
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        self.environment = {**os.environ, **own, **compiled, "DJANGO_SETTINGS_MODULE": "partnerhub.settings"}
        pytest = [*_PYTEST.split(), f"--rootdir={ROOT}", f"--config-file={ROOT / 'pyproject.toml'}"]
        self.commands = {
            "python": ["-c", "pass"],
            "empty project": ["-c", _EMPTY],
            "hub, django.setup": ["-c", "import django; django.setup()"],
            "manage.py check": ["manage.py", "check"],
            "test without a database": [*pytest, f"{test}::test_nothing"],
            "test with a database": [*pytest, f"{test}::test_a_query"],
        }

    def run(self, name: str) -> Measured:
        """Raises CalledProcessError with what it said when it fails."""
        before, began = _used(), time.perf_counter()
        command = [sys.executable, *self.commands[name]]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True)
        return Measured(time.perf_counter() - began, _used() - before)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def compared(rounds: list[dict[str, Measured]]) -> list[Ratio]:
    """F1, in time, and the same in CPU seconds."""
    pairs = {
        "manage.py check ÷ django.setup of an empty project": ("manage.py check", "empty project", 3.0, 2.0),
        "a test with its database there ÷ one without": ("test with a database", "test without a database", 2.5, 1.5),
    }
    found = []
    for what, (over, under, floor, stretch) in pairs.items():
        found.append(Ratio("F1", what, together(rounds, over, under, "seconds"), floor, stretch, "lower"))
        found.append(Ratio("", f"{what}, CPU", together(rounds, over, under, "cpu"), better="lower"))
    return found


def main() -> None:
    given = _arguments()
    rounds: list[dict[str, Measured]] = []
    with tempfile.TemporaryDirectory(prefix="partner-hub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user
        server = embedded.Postgres(folder, log=folder / "postgres.log", fast=True)
        server.start()
        try:
            programs = Programs(folder, server.url)
            for command in programs.commands:
                programs.run(command)  # compiles, and makes the database of the tests
            for number in range(given.rounds):
                rounds.append({command: programs.run(command) for command in programs.commands})
                say("  ".join(f"{name} {one.seconds:.2f} s" for name, one in rounds[-1].items()) + f"  ({number + 1})")
        finally:
            server.stop()
    figures = [Absolute(name, "s", [one[name].seconds for one in rounds]) for name in rounds[0]]
    figures += [Absolute(name, "CPU s", [one[name].cpu for one in rounds]) for name in rounds[0]]
    written(given.json, "startup", conditions=conditions(), ratios=compared(rounds), absolute=figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how long the hub takes to start for a developer.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
