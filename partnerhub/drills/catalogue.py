"""The drills: each breaks a hub in one way while it is under load. What must hold afterwards is the same for all."""

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from partnerhub.drills import faults, upgrading
from partnerhub.drills.hub import Hub
from partnerhub.drills.load import LIARS, Load
from partnerhub.drills.restoring import back_up_and_restore

AHEAD = 45  # seconds


@dataclass
class Stage:
    """What a drill is given. It notes what it did; a problem that it sees itself fails it."""

    hub: Hub
    load: Load
    draw: random.Random
    slack: timedelta = timedelta()
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Remember a problem unless it holds."""
        if not holds:
            self.problems.append(otherwise)


Deed = Callable[[Stage], None]


def processes_killed(stage: Stage) -> None:
    """Worker, scheduler and web are killed at random moments, whole or one process of theirs."""
    hub, draw = stage.hub, stage.draw
    deeds = []
    for name in draw.sample(["worker", "web", "scheduler"] * 2, 6):
        whole = draw.random() < 0.5
        deed = partial(_kill_whole, hub, name) if whole else partial(faults.kill_one_child, hub, name, draw)
        deeds.append(deed)
        stage.notes.append(f"{'all of' if whole else 'one process of'} {name}")
    faults.at_random_moments(hub, draw, deeds, between=4)
    hub.let_pass(3)


def database_restarted(stage: Stage) -> None:
    """PostgreSQL is killed, and restarted in order."""
    hub = stage.hub
    crash, restart = partial(_kill_whole, hub, "postgres"), partial(_ask_to_end, hub, "postgres")
    for deed in stage.draw.sample([crash, restart], 2):
        hub.let_pass(stage.draw.uniform(1, 4))
        deed()
        hub.until(lambda: hub.is_alive("postgres"), what="PostgreSQL runs again")
    hub.let_pass(4)


def database_paused(stage: Stage) -> None:
    """PostgreSQL stands still for 12 s: it takes connections and answers nothing."""
    stage.hub.let_pass(stage.draw.uniform(1, 4))
    with faults.paused(stage.hub, "postgres"):
        stage.hub.let_pass(12)
    stage.hub.let_pass(4)


def database_full(stage: Stage) -> None:
    """Somebody else takes every connection that PostgreSQL has left, twice."""
    for _ in range(2):
        stage.hub.let_pass(stage.draw.uniform(1, 3))
        with faults.no_connection_free(stage.hub) as taken:
            stage.notes.append(f"{taken} connections taken")
            # Whoever has to connect anew meanwhile finds nothing free.
            faults.kill_one_child(stage.hub, "worker", stage.draw)
            stage.hub.let_pass(6)


def broker_lost(stage: Stage) -> None:
    """The broker forgets everything, dies and comes back, and dies and comes back empty; a task waits on it."""
    hub, worker = stage.hub, stage.hub.pid("worker")
    reserve_task(hub)
    deeds = [
        partial(faults.forget_everything, hub),
        partial(faults.lose_broker, hub, with_its_data=True),
        partial(faults.lose_broker, hub, with_its_data=False),
        partial(faults.forget_everything, hub),
    ]
    faults.at_random_moments(hub, stage.draw, deeds, between=5)
    hub.until(lambda: hub.is_alive("valkey"), what="The broker runs again")
    hub.let_pass(3)
    stage.expect(hub.pid("worker") == worker and hub.is_alive("worker"), "the worker did not outlive its broker")


def publishers_in_trouble(stage: Stage) -> None:
    """The publishers hang, die and come back, while others say what is not so."""
    hub, draw = stage.hub, stage.draw
    for offer in LIARS:
        stage.load.buy(draw, offer)
    with faults.paused(hub, "publisher"):
        hub.let_pass(12)
    _kill_whole(hub, "publisher")
    hub.let_pass(draw.uniform(3, 6))
    _kill_whole(hub, "publisher")
    hub.let_pass(5)


def disk_full(stage: Stage) -> None:
    """Web, worker and scheduler can write no file; an export finds the disk full in its middle."""
    hub = stage.hub
    hub.let_pass(2)
    with faults.full_disk(hub, "web", "worker", "scheduler"):
        hub.let_pass(8)
    hub.let_pass(1)
    for format in ("csv", "xlsx"):
        file = hub.configuration.folder / f"export.{format}"
        export = ["export_reconciliation", "--period", "2026-11", "--format", format, "--output", file]
        done = hub.manage(*export, before=faults.small_disk(2000))
        stage.expect(done.returncode != 0, f"an export as {format} on a full disk ended as if it were complete")
        stage.expect("Traceback" not in done.stderr, f"an export as {format} on a full disk: {done.stderr[-300:]}")
        stage.expect(not file.exists(), f"half an export as {format} was left behind")
        stage.expect(hub.manage(*export).returncode == 0, f"an export as {format} fails where there is room")


def clocks_apart(stage: Stage) -> None:
    """A worker's clock is ahead of the others', then behind, while the first worker stands still."""
    hub, stage.slack = stage.hub, timedelta(seconds=AHEAD)
    for seconds in stage.draw.sample([AHEAD, -AHEAD], 2):

        def start(offset: str) -> None:
            hub.another_worker("astray", HUB_CLOCK_OFFSET=offset)

        stage.notes.append(f"{seconds:+} s")
        with faults.clock_of(hub, "astray", start, seconds), faults.paused(hub, "worker"):
            hub.let_pass(10)
    hub.let_pass(2)


def everything_twice(stage: Stage) -> None:
    """Two schedulers and two workers, and every call of a program comes twice at once."""
    hub, stage.load.twice = stage.hub, True
    hub.another_worker("second-worker")
    hub.another_scheduler("second-scheduler")
    hub.let_pass(15)
    stage.load.twice = False
    # A scheduler that is still at its first steps ends by the signal itself: it holds nothing.
    for name, in_order in {"second-scheduler": {0, -signal.SIGTERM}, "second-worker": {0}}.items():
        code = hub.end(name)
        stage.expect(code in in_order, f"{name} ended with {code} when it was asked to")


def new_version(stage: Stage) -> None:
    """A version with a migration is deployed under load, both run side by side, and it is rolled back."""
    hub, load = stage.hub, stage.load
    upgrading.write_next_version(hub.configuration.folder)
    environment = upgrading.next_version(hub)
    hub.let_pass(2)
    migrated = hub.manage("migrate", "--noinput", environment=environment)
    stage.expect(migrated.returncode == 0, f"the migration failed: {migrated.stderr[-500:]}")
    url = hub.another_web("next-web", **environment)
    hub.another_worker("next-worker", **environment)
    hub.let_pass(4)
    load.base_url = url
    for name in ("scheduler", "worker", "web"):
        _end_in_order(stage, name)
    hub.let_pass(6)
    upgrading.start_again(hub)
    load.base_url = hub.base_url
    for name in ("next-worker", "next-web"):
        _end_in_order(stage, name)
    hub.let_pass(3)


def restored(stage: Stage) -> None:
    """The hub is backed up under load and restored elsewhere: every row, every chain, the ledger."""
    stage.hub.let_pass(5)
    notes, problems = back_up_and_restore(stage.hub, stage.load)
    stage.notes += notes
    stage.problems += problems


DRILLS: dict[str, Deed] = {
    "kill": processes_killed,
    "database-restart": database_restarted,
    "database-pause": database_paused,
    "database-connections": database_full,
    "broker": broker_lost,
    "publishers": publishers_in_trouble,
    "disk": disk_full,
    "clock": clocks_apart,
    "twice": everything_twice,
    "deploy": new_version,
    "restore": restored,
}


def reserve_task(hub: Hub) -> None:
    """A worker holds a task for an hour from now: the Celery that was excluded died of one with its broker."""
    options = ["--countdown", "3600", "--queue", "celery"]
    upgrading.run_celery(hub, "call", "partnerhub.outbox.tasks.beat", *options)


def _kill_whole(hub: Hub, name: str) -> None:
    faults.kill(hub.members(name))


def _ask_to_end(hub: Hub, name: str) -> None:
    os.kill(hub.pid(name), signal.SIGINT)


def _end_in_order(stage: Stage, name: str) -> None:
    """It must end by itself, soon, with nothing broken off."""
    passed = faults.stopwatch()
    code = stage.hub.end(name)
    stage.notes.append(f"{name} ended after {passed():.1f} s")
    stage.expect(code == 0, f"{name} ended with {code} when it was asked to")
