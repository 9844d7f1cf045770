"""A backup is whole and proved, or it is not there; a restore overwrites nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from partnerhub.backups import BackupError, back_up, differences, read_manifest
from partnerhub.runtime.bootstrap import ROOT
from tests.factories.subscriptions import NOON, active

COPY = "copy_of_a_backup"


def restored(folder: Path) -> str:
    """What a restore into an empty database beside this one says."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {COPY}")
    try:
        url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{COPY}"
        command = [sys.executable, "-m", "django", "restore", str(folder)]
        environment = os.environ | {"DATABASE_URL": url}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {COPY} WITH (FORCE)")


@pytest.mark.django_db(transaction=True)
def test_a_restored_copy_is_the_hub_as_it_was(tmp_path, default_policies):
    active()
    folder = tmp_path / "backup"
    call_command("backup", folder)
    manifest = read_manifest(folder)

    assert (manifest.rows["subscriptions_subscription"], manifest.rows["billing_charge"]) == (1, 1)
    assert (folder.stat().st_mode & 0o777, [path.name for path in tmp_path.iterdir()]) == (0o700, ["backup"])
    assert "The ledger holds:" in restored(folder)

    active()
    assert "billing_charge: 2 rows, 1 in the backup" in differences(manifest)
    assert "outbox_event: its hashes are not those of the backup" in differences(manifest)


@pytest.mark.django_db
def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(BackupError, match="is there already"):
        back_up(tmp_path / "there", at=NOON)
    with pytest.raises(CommandError, match="is not a backup"):
        call_command("restore", tmp_path / "there")

    taken = '{"taken_at": "2026-11-23T12:00:00+00:00", "version": "1", "server": 180006}'
    (tmp_path / "there" / "manifest.json").write_text(taken, encoding="utf-8")
    with pytest.raises(CommandError, match=r"The database holds \d+ tables"):
        call_command("restore", tmp_path / "there")
