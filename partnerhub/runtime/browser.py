"""Finds the Chromium that the browser tests drive."""

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
INSTALL_LINE = "apt-get install --yes chromium"


def find_chromium() -> Path | None:
    """The browser that `HUB_CHROMIUM` names, else the first installed one; None if there is none."""
    if chosen := os.environ.get("HUB_CHROMIUM"):
        return Path(chosen) if Path(chosen).exists() else None
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def can_install() -> bool:
    """Whether we may and can install it ourselves: root, on a Debian-like system."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_chromium() -> bool:
    """Install it quietly with apt; whether that worked."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--yes", "chromium"]):
        try:
            done = subprocess.run(command, env=environment, capture_output=True, timeout=600, check=False)
        except subprocess.TimeoutExpired:
            return False
        if done.returncode:
            return False
    return find_chromium() is not None
