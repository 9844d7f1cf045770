import json
import re
import sys
from pathlib import Path

import pytest

from partnerhub.runtime import bootstrap


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / bootstrap.RUNTIME_LOCK).write_text("django==5.2.19\n")
    (tmp_path / bootstrap.DEV_LOCK).write_text("django==5.2.19\npytest==9.2.0\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def current(checkout: Path) -> dict[str, bool]:
    locks = (bootstrap.RUNTIME_LOCK, bootstrap.DEV_LOCK)
    return {lock: bootstrap.is_current(checkout / ".venv", checkout / lock) for lock in locks}


def test_an_environment_without_a_stamp_is_not_current(checkout: Path) -> None:
    assert current(checkout) == {"requirements.lock": False, "requirements-dev.lock": False}


def test_the_runtime_lock_does_not_vouch_for_the_development_lock(checkout: Path) -> None:
    bootstrap.write_stamp(checkout / ".venv", checkout / bootstrap.RUNTIME_LOCK)

    assert current(checkout) == {"requirements.lock": True, "requirements-dev.lock": False}


def test_the_development_lock_vouches_for_the_runtime_lock(checkout: Path) -> None:
    bootstrap.write_stamp(checkout / ".venv", checkout / bootstrap.DEV_LOCK)

    assert current(checkout) == {"requirements.lock": True, "requirements-dev.lock": True}


def test_a_changed_lock_file_makes_the_environment_stale(checkout: Path) -> None:
    bootstrap.write_stamp(checkout / ".venv", checkout / bootstrap.DEV_LOCK)
    (checkout / bootstrap.RUNTIME_LOCK).write_text("django==5.2.20\n")

    assert current(checkout) == {"requirements.lock": False, "requirements-dev.lock": True}


def test_an_interrupted_installation_is_not_current(checkout: Path) -> None:
    bootstrap.write_stamp(checkout / ".venv", checkout / bootstrap.DEV_LOCK)
    (checkout / ".venv" / bootstrap.UNFINISHED).touch()

    assert current(checkout) == {"requirements.lock": False, "requirements-dev.lock": False}


def test_an_environment_whose_python_went_away_is_not_current(checkout: Path) -> None:
    bootstrap.write_stamp(checkout / ".venv", checkout / bootstrap.DEV_LOCK)
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python")

    assert current(checkout) == {"requirements.lock": False, "requirements-dev.lock": False}


def test_a_damaged_stamp_is_not_current(checkout: Path) -> None:
    (checkout / ".venv" / bootstrap.STAMP).write_text('{"requirements.lock": ')

    assert current(checkout) == {"requirements.lock": False, "requirements-dev.lock": False}


def test_a_managed_environment_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_MANAGED_ENV", "1")
    monkeypatch.setattr(bootstrap, "is_current", lambda *_: pytest.fail("looked at the environment"))

    assert bootstrap.enter(["manage.py", "demo"]) is None


def test_an_interrupted_environment_is_made_anew_and_stamped(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = checkout / ".venv"
    (environment / bootstrap.UNFINISHED).touch()
    (environment / "half-written").touch()
    made: list[str] = []

    def create(place: Path, uv: str | None) -> None:
        made.append("created")
        (place / "bin").mkdir(parents=True)
        (place / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(bootstrap, "find_uv", lambda: None)
    monkeypatch.setattr(bootstrap, "_create", create)
    monkeypatch.setattr(bootstrap, "_install_with_pip", lambda *_: made.append("installed"))
    bootstrap.install(environment, checkout / bootstrap.RUNTIME_LOCK)

    assert made == ["created", "installed"]
    assert not (environment / "half-written").exists()
    assert not (environment / bootstrap.UNFINISHED).exists()
    assert json.loads((environment / bootstrap.STAMP).read_text()).keys() == {"requirements.lock"}


def test_the_development_lock_pins_all_of_the_runtime_lock() -> None:
    pins = {
        lock: set(re.findall(r"^(\S+==\S+)", (bootstrap.ROOT / lock).read_text(), re.MULTILINE))
        for lock in (bootstrap.RUNTIME_LOCK, bootstrap.DEV_LOCK)
    }

    assert pins[bootstrap.RUNTIME_LOCK] - pins[bootstrap.DEV_LOCK] == set()
