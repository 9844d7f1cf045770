import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from partnerhub.runtime import binaries, embedded


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: as root, PostgreSQL runs as another user, who cannot pass through pytest's folders.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


def count(database: embedded.Postgres, statement: str) -> int:
    assert database._socket_folder is not None
    with psycopg.connect(host=str(database._socket_folder), user="hub", dbname="hub", autocommit=True) as connection:
        answer = connection.execute(statement)
        row = answer.fetchone() if answer.description else None
    return int(row[0]) if row else 0


def test_postgres_keeps_its_data_over_a_restart(folder: Path) -> None:
    database = embedded.Postgres(folder, log=folder / "postgres.log", fast=True)
    try:
        database.start()
        count(database, "CREATE TABLE seat AS SELECT generate_series(1, 7) AS number")
        database.stop()
        assert not database.alive()

        database.start()
        assert count(database, "SELECT count(*) FROM seat") == 7
    finally:
        database.stop()


def test_postgres_knows_letters_beyond_ascii_without_a_locale_of_the_system(folder: Path) -> None:
    database = embedded.Postgres(folder, log=folder / "postgres.log", fast=True)
    try:
        database.start()
        assert count(database, "SELECT CASE WHEN lower('ŻÓŁĆ') = 'żółć' AND 'Łódź' ILIKE 'łódź' THEN 1 ELSE 0 END") == 1
    finally:
        database.stop()


def test_a_long_folder_still_gets_a_socket(folder: Path) -> None:
    deep = folder / ("long" * 30)
    deep.mkdir()
    database = embedded.Postgres(deep, log=folder / "postgres.log", fast=True)
    broker = embedded.Valkey(deep / "valkey", log=folder / "valkey.log", fast=True)
    try:
        database.start()
        broker.start()
        assert count(database, "SELECT 1") == 1
        with redis.Redis.from_url(broker.url) as client:
            assert client.ping() is True
        places = [database._socket_folder, broker._socket and broker._socket.parent]
    finally:
        broker.stop()
        database.stop()

    assert [place and place.exists() for place in places] == [False, False]


def test_valkey_keeps_what_it_was_told_over_a_restart(folder: Path) -> None:
    broker = embedded.Valkey(folder / "a broker", log=folder / "valkey.log")
    try:
        broker.start()
        with redis.Redis.from_url(broker.url) as client:
            client.set("kept", "yes")
        broker.stop()
        broker.start()
        with redis.Redis.from_url(broker.url) as client:
            assert client.get("kept") == b"yes"
    finally:
        broker.stop()


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    database = embedded.Postgres(folder, log=folder / "postgres.log", fast=True)
    database.data.mkdir(parents=True)
    (database.data / "PG_VERSION").write_text("18\n")

    with pytest.raises(embedded.StartError, match=r"could not access the server configuration file"):
        database.start()
    database.stop()


def test_the_programs_that_the_environment_names_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUB_PG_BIN", str(tmp_path / "bin"))

    assert binaries.postgres_home() == tmp_path
