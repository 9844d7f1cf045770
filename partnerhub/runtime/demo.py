"""`manage.py demo`: a whole hub on this machine, from an empty folder to the ready line, until Ctrl-C."""

import os
import sys
import time
from collections.abc import Mapping

from partnerhub.runtime import embedded, messages, ports, processes
from partnerhub.runtime.bootstrap import ROOT
from partnerhub.runtime.configuration import Configuration, configuration, demo_environment
from partnerhub.runtime.folder import HubFolder, Running
from partnerhub.runtime.programs import programs
from partnerhub.runtime.supervisor import StopRequested, Supervisor, ignore_signals, raise_on_signals

PASSWORD = "partnerhub-demo"  # noqa: S105 - printed for everybody who starts the demo
PEOPLE = {
    "admin@partnerhub.example": "admin agent",
    "sales@partnerhub.example": "sales agent",
    "ops@partnerhub.example": "operations agent",
    "platform@partnerhub.example": "platform admin",
    "both@partnerhub.example": "sales agent and admin agent",
}
STOP_ORDER = ("scheduler", "worker", "web", "publisher", "valkey", "postgres")
READY_SECONDS = 120.0  # of a machine without other work: on a busy one as much longer as it is slower


class DemoError(embedded.StartError):
    """The demo cannot start; the text says why."""


def run(arguments: list[str]) -> int:
    """Run the demo until it is asked to stop; the exit code. `--reset` forgets the folder's data first."""
    unknown = [argument for argument in arguments if argument != "--reset"]
    if unknown:
        raise DemoError(f"`manage.py demo` does not know {' '.join(unknown)}; it takes only --reset.")
    hub = configuration(os.environ)
    folder = HubFolder(hub.folder)
    raise_on_signals()
    try:
        with folder.held():
            _refuse_busy_ports(hub)
            if "--reset" in arguments:
                _reset(hub, folder)
            return _supervise(hub, folder)
    except StopRequested:
        return 0


def _supervise(hub: Configuration, folder: HubFolder) -> int:
    supervisor = Supervisor(say=say, stop_order=STOP_ORDER)
    try:
        begin(supervisor, hub, folder, os.environ)
        _greet(hub, folder)
        while True:
            supervisor.watch()
            time.sleep(0.25)
    except StopRequested:
        say("Stopping.")
        return 0
    finally:
        ignore_signals()
        supervisor.stop()


def begin(supervisor: Supervisor, hub: Configuration, folder: HubFolder, environ: Mapping[str, str]) -> dict[str, str]:
    """Start a whole hub and return when it is ready: the environment of its processes. `folder` is held.

    Raises DemoError and StartError; what was started then is the supervisor's to stop.
    """
    environment = _start_servers(supervisor, hub, folder, environ)
    _prepare(folder, environment)
    supervisor.start(programs(hub, folder, environment))
    _wait_until_ready(supervisor, hub, folder)
    return environment


def _start_servers(
    supervisor: Supervisor, hub: Configuration, folder: HubFolder, environ: Mapping[str, str]
) -> dict[str, str]:
    database = embedded.Postgres(hub.folder, log=folder.logs / "postgres.log")
    broker = embedded.Valkey(hub.folder / "valkey", log=folder.logs / "valkey.log")
    if hub.database_url is None:
        say(f"Starting PostgreSQL (its data: {database.data}).")
        supervisor.start([database])
    if hub.redis_url is None:
        supervisor.start([broker])
    database_url, redis_url = hub.database_url or database.url, hub.redis_url or broker.url
    folder.announce(Running(os.getpid(), "demo", hub.base_url, database_url, redis_url))
    return demo_environment(
        hub,
        environ,
        database_url=database_url,
        redis_url=redis_url,
        secret_key=environ.get("SECRET_KEY") or folder.secret_key(),
    )


def _prepare(folder: HubFolder, environment: dict[str, str]) -> None:
    say("Preparing the database, the demo data and the static files; the first time takes a little longer.")
    messages.compile_all()
    log = folder.logs / "prepare.log"
    process = processes.spawn([sys.executable, "-m", "partnerhub.runtime.prepare"], log=log, env=environment, cwd=ROOT)
    try:
        code = process.wait()
    finally:
        processes.stop(process)
    if code:
        raise DemoError(f"Preparing failed ({log}):\n{embedded.tail(log, 25)}")


def _wait_until_ready(supervisor: Supervisor, hub: Configuration, folder: HubFolder) -> None:
    say("Starting web, worker, scheduler and the demo publisher.")
    waiting = {f"{hub.local_url}/health/ready": "web", f"{hub.publisher_url}/health": "publisher"}
    waited, last = 0.0, time.monotonic()
    while waiting:
        waited, last = waited + (time.monotonic() - last) * processes.share_of_processor(), time.monotonic()
        for url, name in list(waiting.items()):
            status, body = ports.answer(url)
            if status == 200:
                del waiting[url]
            elif waited > READY_SECONDS:
                log = folder.logs / f"{name}.log"
                raise DemoError(
                    f"{name} was not ready in time: {url} answered {status} {body[:300]}\n"
                    f"{embedded.tail(log)}\nIts log: {log}"
                )
        supervisor.watch()
        time.sleep(0.25)


def _greet(hub: Configuration, folder: HubFolder) -> None:
    say(f"Partner Hub is ready at {hub.base_url}")
    say(f"\nSign in with the password {PASSWORD} as")
    for email, roles in PEOPLE.items():
        say(f"  {email:<30}{roles}")
    say(f"\nThe demo publisher: {hub.publisher_url}   Logs: {folder.logs}   Stop: Ctrl-C")


def _refuse_busy_ports(hub: Configuration) -> None:
    for port, who in ((hub.port, "web"), (hub.publisher_port, "the demo publisher (HUB_PORT + 1)")):
        if not ports.is_free(port):
            raise DemoError(f"Port {port}, for {who}, is in use. Stop what listens there, or set HUB_PORT.")


def _reset(hub: Configuration, folder: HubFolder) -> None:
    folder.reset()
    say(f"Forgot the data in {folder.path}.")
    if hub.database_url:
        say("DATABASE_URL points to a server of yours: its data stays.")


def say(sentence: str) -> None:
    """Tell the user at once, even through a pipe."""
    print(sentence, flush=True)
