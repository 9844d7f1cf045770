from pathlib import Path

import pytest

from partnerhub.runtime.folder import FolderInUseError, HubFolder, Running

DEMO = Running(
    pid=42, purpose="demo", base_url="http://127.0.0.1:8000", database_url="postgres://d", redis_url="unix:///r"
)


@pytest.fixture
def folder(tmp_path: Path) -> HubFolder:
    return HubFolder(tmp_path / "hub")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_secret_is_made_once_and_private(folder: HubFolder) -> None:
    folder.make()
    secret = folder.secret_key()

    assert folder.secret_key() == secret
    assert len(secret) >= 50
    assert mode(folder.path / "secret_key") == 0o600
    assert mode(folder.logs) == 0o700
    assert mode(folder.path) & 0o066 == 0


def test_a_second_hub_in_the_same_folder_is_refused_by_name(folder: HubFolder) -> None:
    with folder.held():
        folder.announce(DEMO)
        with pytest.raises(FolderInUseError, match=r"process 42, http://127\.0\.0\.1:8000"), folder.held():
            pytest.fail("held twice")
        assert folder.running() == DEMO
        assert mode(folder.state_file) == 0o600


def test_a_folder_left_is_free_again(folder: HubFolder) -> None:
    with folder.held():
        folder.announce(DEMO)

    assert not folder.is_held()
    assert folder.running() is None
    assert not folder.state_file.exists()


def test_what_a_killed_hub_announced_is_not_believed(folder: HubFolder) -> None:
    folder.make()
    folder.announce(DEMO)

    assert folder.running() is None


def test_a_reset_forgets_what_a_hub_made_and_nothing_else(folder: HubFolder) -> None:
    folder.make()
    for name in ("postgres", "valkey", "publisher"):
        (folder.path / name).mkdir()
        (folder.path / name / "file").touch()
    (folder.path / "demo.json").touch()
    (folder.path / "beat-schedule.dat").touch()
    (folder.path / "notes of mine.txt").write_text("kept")

    folder.reset()

    assert sorted(place.name for place in folder.path.iterdir()) == ["logs", "notes of mine.txt"]
