"""Whether the settings let a hub start, each in a process of its own."""

import os
import subprocess
import sys

import pytest

PRIVATE = "k" * 40


def start(**variables: str) -> str:
    """The key that the hub starts with, or the last line of why it does not."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUB_", "SECRET_", "DEBUG"))}
    code = "import partnerhub.settings as settings; print(settings.SECRET_KEY)"
    environment = kept | {"HUB_ENV": "production"} | variables
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": PRIVATE, "DEBUG": "true"}, "DEBUG must be off"),
        ({"SECRET_KEY": PRIVATE, "HUB_CLOCK_OFFSET": "P1D"}, "HUB_CLOCK_OFFSET is for the demo"),
        ({"HUB_BUILDING": "1", "DEBUG": "true"}, "DEBUG must be off"),
    ],
)
def test_production_does_not_start(variables, reason):
    assert reason in start(**variables)


def test_production_starts_with_a_private_key():
    assert start(SECRET_KEY=PRIVATE) == PRIVATE


def test_building_an_image_uses_a_key_that_nobody_knows():
    assert start(HUB_BUILDING="1") != start(HUB_BUILDING="1")
