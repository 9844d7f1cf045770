"""Brings a demo's database, data and static files up to date; a program of its own, so that Django loads once."""

import gc
import hashlib
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def main() -> None:
    """Migrate, load the demo data (which keeps what is there), collect the static files if any changed."""
    # Migrating makes very many classes: walking them again and again would take a sixth of the time.
    gc.set_threshold(100_000, 20, 20)
    django.setup()
    call_command("migrate", interactive=False)
    call_command("load_demo")
    call_command("load_demo_invoices")
    collect_static(Path(settings.HUB_DATA) / "static.stamp")


def collect_static(stamp: Path) -> bool:
    """Collect the static files unless `stamp` says the same ones were collected; whether it did."""
    now = _fingerprint()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == now and Path(settings.STATIC_ROOT).exists():
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(now, encoding="utf-8")
    return True


def _fingerprint() -> str:
    fingerprint = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            facts = Path(storage.path(path)).stat()
            fingerprint.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return fingerprint.hexdigest()


if __name__ == "__main__":
    main()
