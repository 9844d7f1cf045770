"""Whether the settings let a hub start, each in a process of its own."""

import os
import subprocess
import sys

import pytest

PRIVATE = "k" * 40
PRIVATE_AND_LONG = "abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# What a hub in production needs besides its key.
WHERE = {"HUB_BASE_URL": "https://hub.example", "ALLOWED_HOSTS": "hub.example"}


def start(**variables: str) -> str:
    """The key that the hub starts with, or the last line of why it does not."""
    return run("import partnerhub.settings as settings; print(settings.SECRET_KEY)", variables)


def run(code: str, variables: dict[str, str]) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUB_", "SECRET_", "DEBUG"))}
    environment = kept | {"HUB_ENV": "production"} | WHERE | variables
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
        ({"SECRET_KEY": PRIVATE, "HUB_BASE_URL": "http://hub.example"}, "it must begin with https://"),
        (
            {"SECRET_KEY": PRIVATE, "HUB_ALLOW_PRIVATE_PUBLISHERS": "true"},
            "HUB_ALLOW_PRIVATE_PUBLISHERS is for the demo",
        ),
        ({"SECRET_KEY": PRIVATE, "ALLOWED_HOSTS": "hub.example,*"}, "ALLOWED_HOSTS must name each host"),
        ({"SECRET_KEY": PRIVATE, "HUB_SSO_ISSUER": "http://id.example"}, "HUB_SSO_ISSUER must begin with https://"),
        (
            {"SECRET_KEY": PRIVATE, "HUB_SSO_ISSUER": "https://login.microsoftonline.com/common/v2.0"},
            "HUB_SSO_ISSUER must name your own tenant",
        ),
        ({"SECRET_KEY": PRIVATE, "HUB_SSO_ROLES": "group=owner"}, "HUB_SSO_ROLES names ['owner']"),
    ],
)
def test_production_does_not_start(variables, reason):
    assert reason in start(**variables)


def test_production_starts_with_a_private_key_and_django_finds_nothing_to_better():
    code = """
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
call_command("check", deploy=True, tags=["security"], fail_level="WARNING")
print(settings.SECRET_KEY)
"""
    variables = {"SECRET_KEY": PRIVATE_AND_LONG, "SECURE_SSL_REDIRECT": "true"}

    assert run(code, variables | {"DJANGO_SETTINGS_MODULE": "partnerhub.settings"}) == PRIVATE_AND_LONG


def test_building_an_image_uses_a_key_that_nobody_knows():
    assert start(HUB_BUILDING="1", HUB_BASE_URL="") != start(HUB_BUILDING="1", HUB_BASE_URL="")
