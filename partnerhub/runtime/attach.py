"""Gives a Django command its servers: those of the running hub, or embedded ones for as long as it runs."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from partnerhub.runtime import embedded, messages
from partnerhub.runtime.configuration import Configuration, configuration, demo_environment
from partnerhub.runtime.folder import FolderInUseError, HubFolder, Running

# These read no data; starting servers for them would only make them slow.
WITHOUT_DATABASE = {
    "", "help", "--help", "-h", "version", "--version", "check", "makemessages", "compilemessages", "collectstatic",
    "findstatic", "diffsettings", "spectacular", "startapp", "startproject",
}  # fmt: skip
WAIT_SECONDS = 60.0


@contextmanager
def servers(argv: list[str]) -> Iterator[None]:
    """Within it, `os.environ` leads to servers. Real ones (DATABASE_URL, production) are left as they are.

    Raises FolderInUseError when another command keeps the embedded ones for more than WAIT_SECONDS.
    """
    command = argv[1] if len(argv) > 1 else ""
    if os.environ.get("DATABASE_URL") or os.environ.get("HUB_ENV") == "production":
        yield
        return
    hub = configuration(os.environ)
    if command in WITHOUT_DATABASE or {"--help", "-h", "--version"} & set(argv):
        _become(hub, embedded.socket_url(hub.folder), "unix:///nowhere", secrets.token_urlsafe(50))
        yield
        return
    with _found_or_started(hub, HubFolder(hub.folder), command) as (database_url, redis_url):
        _become(hub, database_url, redis_url, HubFolder(hub.folder).secret_key())
        messages.compile_all()
        yield


def _become(hub: Configuration, database_url: str, redis_url: str, secret_key: str) -> None:
    os.environ.update(
        demo_environment(
            hub,
            os.environ,
            database_url=database_url,
            redis_url=os.environ.get("REDIS_URL") or redis_url,
            secret_key=os.environ.get("SECRET_KEY") or secret_key,
        )
    )


@contextmanager
def _found_or_started(hub: Configuration, folder: HubFolder, command: str) -> Iterator[tuple[str, str]]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        running = folder.running()
        if running and running.purpose == "demo":
            yield running.database_url, running.redis_url
            return
        try:
            with folder.held(), _started(hub, folder, command) as urls:
                yield urls
            return
        except FolderInUseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def _started(hub: Configuration, folder: HubFolder, command: str) -> Iterator[tuple[str, str]]:
    database = embedded.Postgres(hub.folder, log=folder.logs / "postgres.log")
    broker = embedded.Valkey(hub.folder / "valkey", log=folder.logs / "valkey.log")
    try:
        database.start()
        broker.start()
        folder.announce(Running(os.getpid(), command, hub.base_url, database.url, broker.url))
        yield database.url, broker.url
    finally:
        broker.stop()
        database.stop()
