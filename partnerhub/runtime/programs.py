"""The hub's own programs in a demo: what runs each of them."""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from partnerhub.runtime.configuration import Configuration
from partnerhub.runtime.folder import HubFolder
from partnerhub.runtime.supervisor import Child

WEB = "--interface wsgi --host 127.0.0.1 --workers 2 --blocking-threads 8 --respawn-failed-workers"
WORKER = "-A partnerhub worker -c 3 -Q celery,polling --without-mingle --without-gossip"
SCHEDULER = "-A partnerhub beat --pidfile="


def programs(hub: Configuration, folder: HubFolder, environment: Mapping[str, str]) -> list[Child]:
    """Web, worker, scheduler and the demo publisher, not yet started."""
    bin_folder = Path(sys.executable).parent
    commands: dict[str, list[str | Path]] = {
        "web": [bin_folder / "granian", *WEB.split(), "--port", str(hub.port), "partnerhub.wsgi:application"],
        "worker": [bin_folder / "celery", *WORKER.split()],
        "scheduler": [bin_folder / "celery", *SCHEDULER.split(), "-s", folder.path / "beat-schedule"],
        "publisher": [sys.executable, "-m", "publishers.demo", *_publisher_options(hub, folder)],
    }
    # When the supervisor is killed the broker goes too, and any gentler end of the worker would wait for it for ever.
    # Its pool ends with it; work that was cut off is due again by its row.
    death_signals = {"worker": signal.SIGKILL}
    return [
        Child(
            name,
            command,
            env=environment,
            log=folder.logs / f"{name}.log",
            death_signal=death_signals.get(name, signal.SIGTERM),
        )
        for name, command in commands.items()
    ]


def _publisher_options(hub: Configuration, folder: HubFolder) -> list[str]:
    options = {
        "--port": hub.publisher_port,
        "--hub": hub.base_url,
        "--data": folder.path / "publisher",
        "--config": folder.demo_file,
    }
    return [str(part) for option in options.items() for part in option]
