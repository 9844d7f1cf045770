"""What each word after `manage.py` runs, once inside the environment."""

import os
import sys
from importlib import import_module

import environ

from partnerhub.runtime import attach, loading, messages
from partnerhub.runtime.binaries import ServerMissingError
from partnerhub.runtime.bootstrap import ROOT, say
from partnerhub.runtime.configuration import ConfigurationError
from partnerhub.runtime.embedded import StartError
from partnerhub.runtime.folder import FolderInUseError

# Each in a module that no other command needs.
OWN = {
    "test": ("partnerhub.runtime.testing", "test"),
    "check_all": ("partnerhub.runtime.testing", "check_all"),
    "demo": ("partnerhub.runtime.demo", "run"),
    "drill": ("partnerhub.drills.command", "run"),
    "sbom": ("partnerhub.runtime.supply", "sbom"),
    "licences": ("partnerhub.runtime.supply", "licences"),
    "audit": ("partnerhub.runtime.supply", "audit"),
}
REFUSALS = (ConfigurationError, FolderInUseError, ServerMissingError, StartError)


def run(argv: list[str]) -> int:
    """Run one command; its exit code. A refusal is a sentence on standard error and exit code 1."""
    command = argv[1] if len(argv) > 1 else ""
    try:
        if command in OWN:
            if command == "demo":
                _read_env_file()
            return _own(command, argv[2:])
        if command == "compilemessages":
            for written in messages.compile_all():
                print(f"Compiled {written.relative_to(ROOT)}")
            return 0
        return _django(argv)
    except REFUSALS as refusal:
        say(str(refusal))
        return 1


def _own(command: str, arguments: list[str]) -> int:
    module, name = OWN[command]
    code: int = getattr(import_module(module), name)(arguments)
    return code


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
