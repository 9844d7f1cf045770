"""What each word after `manage.py` runs, once inside the environment."""

import os
import sys

import environ

from partnerhub.runtime import attach, demo, loading, messages, supply, testing
from partnerhub.runtime.binaries import ServerMissingError
from partnerhub.runtime.bootstrap import ROOT, say
from partnerhub.runtime.configuration import ConfigurationError
from partnerhub.runtime.embedded import StartError
from partnerhub.runtime.folder import FolderInUseError

OWN = {
    "test": testing.test,
    "check_all": testing.check_all,
    "demo": demo.run,
    "sbom": supply.sbom,
    "licences": supply.licences,
    "audit": supply.audit,
}
REFUSALS = (demo.DemoError, ConfigurationError, FolderInUseError, ServerMissingError, StartError)


def run(argv: list[str]) -> int:
    """Run one command; its exit code. A refusal is a sentence on standard error and exit code 1."""
    command = argv[1] if len(argv) > 1 else ""
    try:
        if command == "drill":
            from partnerhub.drills import command as drills  # noqa: PLC0415 - nobody else needs them

            return drills.run(argv[2:])
        if command in OWN:
            if command == "demo":
                _read_env_file()
            return OWN[command](argv[2:])
        if command == "compilemessages":
            for written in messages.compile_all():
                print(f"Compiled {written.relative_to(ROOT)}")
            return 0
        return _django(argv)
    except REFUSALS as refusal:
        say(str(refusal))
        return 1


def _django(argv: list[str]) -> int:
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - the demo and the tests go without

    _read_env_file()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partnerhub.settings")
    with attach.servers(argv), loading.briefly():
        execute_from_command_line(argv)
    sys.stdout.flush()
    return 0


def _read_env_file() -> None:
    """`.env` speaks for what the environment leaves unsaid, as it does in the settings."""
    if (file := ROOT / ".env").exists():
        environ.Env.read_env(file)
