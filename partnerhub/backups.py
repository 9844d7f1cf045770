"""Backups of the database: one consistent look at all of it, and the proof that what was restored is what was there.

The manifest is read in the very snapshot that `pg_dump` writes: after a restore each table must have as many rows and
each chain of hashes the same digest, or something was lost on the way.
"""

import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from psycopg import sql
from psycopg.conninfo import make_conninfo

from partnerhub.runtime import binaries
from partnerhub.web.context import VERSION

DUMP, MANIFEST = "database.dump", "manifest.json"
# What is append-only and chained: table, and the column that names its chain's rows in a fixed order.
CHAINS = {"outbox_event": "stream_id, sequence", "billing_charge": "subscription_id, sequence"}

HOW_TO_REACH = ("host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey")


class BackupError(Exception):
    """A backup or a restore cannot be done, or is not what it should be; the text says why."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: rows by table, a digest by chain of hashes, the migrations that its schema has had."""

    taken_at: str
    version: str
    server: int
    rows: dict[str, int] = field(default_factory=dict)
    chains: dict[str, str] = field(default_factory=dict)
    migrations: list[str] = field(default_factory=list)


def back_up(folder: Path, *, at: datetime) -> Manifest:
    """Write a backup to `folder`, which must not exist, while the hub goes on working. Raises BackupError.

    A backup that was not completed leaves nothing behind.
    """
    if folder.exists():
        raise BackupError(f"{folder} is there already: a backup never overwrites another.")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, mode=0o700)
        manifest = _dump(part / DUMP, at)
        (part / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
        part.rename(folder)
    except OSError as error:
        raise BackupError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def restore(folder: Path) -> Manifest:
    """Fill this hub's database, which must be empty, from a backup: all of it or nothing. Raises BackupError."""
    manifest = read_manifest(folder)
    if tables := _tables():
        raise BackupError(f"The database holds {len(tables)} tables: a backup is restored into an empty one only.")
    _run(
        "pg_restore",
        "--exit-on-error",
        "--single-transaction",
        "--no-owner",
        "--no-privileges",
        _database(),
        folder / DUMP,
    )
    return manifest


def differences(manifest: Manifest) -> list[str]:
    """Where the database is not what the manifest says, one sentence each; nothing where it is."""
    with transaction.atomic():
        rows, chains = _counted(), _chained()
    found = [
        f"{table}: {rows.get(table, 0)} rows, {manifest.rows.get(table, 0)} in the backup"
        for table in sorted({*rows, *manifest.rows})
        if rows.get(table, 0) != manifest.rows.get(table, 0)
    ]
    return found + [
        f"{table}: its hashes are not those of the backup"
        for table in chains
        if chains[table] != manifest.chains.get(table)
    ]


def read_manifest(folder: Path) -> Manifest:
    """What a backup says of itself. Raises BackupError where it is none."""
    try:
        return Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise BackupError(f"{folder} is not a backup: it has no {MANIFEST} that can be read.") from None


def _dump(file: Path, at: datetime) -> Manifest:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # However long the dump takes, nobody waits for a transaction that only reads.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version_num')::int")
        snapshot, server = cursor.fetchone()
        manifest = Manifest(at.isoformat(), VERSION, server, _counted(), _chained(), _migrations())
        _run("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={file}", _database())
    return manifest


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
            "ORDER BY relname"
        )
        return [name for (name,) in cursor.fetchall()]


def _counted() -> dict[str, int]:
    with connection.cursor() as cursor:
        return {
            name: _one(cursor, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))) for name in _tables()
        }


def _chained() -> dict[str, str]:
    statement = "SELECT md5(string_agg(hash, '' ORDER BY {order})) FROM {table}"
    with connection.cursor() as cursor:
        return {
            table: _one(cursor, sql.SQL(statement).format(table=sql.Identifier(table), order=sql.SQL(order))) or ""
            for table, order in CHAINS.items()
        }


def _migrations() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app || '.' || name FROM django_migrations ORDER BY id")
        return [name for (name,) in cursor.fetchall()]


def _one(cursor: Any, statement: sql.Composed) -> Any:
    cursor.execute(statement)
    return cursor.fetchone()[0]


def _database() -> str:
    """The option by which PostgreSQL's programs find this hub's database; the password goes by the environment."""
    params = connection.get_connection_params()
    return f"--dbname={make_conninfo(**{name: params[name] for name in HOW_TO_REACH if params.get(name)})}"


def _run(program: str, *arguments: str | Path) -> None:
    password = connection.settings_dict["PASSWORD"]
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    command = [binaries.postgres_program(program), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{program} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
