"""A next version of the hub for a drill: the present one, and one app more whose migration expands the schema."""

import subprocess
import sys
from pathlib import Path

from partnerhub.drills.hub import Hub
from partnerhub.runtime.bootstrap import ROOT
from partnerhub.runtime.programs import programs

SETTINGS = """from partnerhub.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "next_version"]  # noqa: F405
"""
# What a version may do while the one before it runs: a column that may be empty, and an index made beside the work.
MIGRATION = """from django.db import migrations

COLUMN = "ALTER TABLE subscriptions_subscription ADD COLUMN IF NOT EXISTS next_note varchar(40) NULL"
INDEX = "CREATE INDEX CONCURRENTLY IF NOT EXISTS next_notes ON subscriptions_subscription (next_note)"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("subscriptions", "0001_initial")]
    operations = [
        migrations.RunSQL("SET lock_timeout = '5s'; " + COLUMN, migrations.RunSQL.noop),
        migrations.RunSQL(INDEX, migrations.RunSQL.noop),
    ]
"""


def write_next_version(folder: Path) -> None:
    """The app `next_version` and its settings, importable from `folder`."""
    place = folder / "next_version"
    (place / "migrations").mkdir(parents=True, exist_ok=True)
    for file, text in {
        "__init__.py": "",
        "settings.py": SETTINGS,
        "migrations/__init__.py": "",
        "migrations/0001_expand.py": MIGRATION,
    }.items():
        (place / file).write_text(text, encoding="utf-8")


def next_version(hub: Hub) -> dict[str, str]:
    """What makes a process one of the next version."""
    path = f"{hub.configuration.folder}:{hub.environment['PYTHONPATH']}"
    return {"DJANGO_SETTINGS_MODULE": "next_version.settings", "PYTHONPATH": path}


def start_again(hub: Hub) -> None:
    """Web, worker and scheduler of the present version, once web is ready."""
    wanted = ("web", "worker", "scheduler")
    found = programs(hub.configuration, hub.folder, hub.environment)
    hub.supervisor.start([one for one in found if one.name in wanted])
    hub.until(hub.is_ready, what="The version before is ready")


def run_celery(hub: Hub, *arguments: str) -> None:
    """A command of Celery's own beside the hub. Raises CalledProcessError."""
    command: list[str | Path] = [Path(sys.executable).parent / "celery", "-A", "partnerhub", *arguments]
    subprocess.run(command, cwd=ROOT, env=hub.environment, check=True, capture_output=True)
