import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from partnerhub.runtime import ports, processes
from partnerhub.runtime.supervisor import Child, Supervisor

FOREVER = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Watched:
    """A supervisor with a clock we move, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.said: list[str] = []
        self.supervisor = Supervisor(say=self.said.append, stop_order=("b", "a"), monotonic=self.clock)

    def child(self, name: str, program: str, stop_seconds: float = 10) -> Child:
        log = self.folder / f"{name}.log"
        command = [sys.executable, "-c", program]
        return Child(name, command, env=dict(os.environ), log=log, stop_seconds=stop_seconds)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.supervisor.stop()


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.01)


def is_up(child: Child) -> bool:
    return "up" in child.log.read_text()


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_that_dies_is_started_again_after_its_wait(watched: Watched) -> None:
    child = watched.child("a", FOREVER)
    watched.supervisor.start([child])
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: not child.alive())

    watched.supervisor.watch()
    watched.clock.seconds = 0.9
    watched.supervisor.watch()
    assert not child.alive()

    watched.clock.seconds = 1.0
    watched.supervisor.watch()
    assert child.alive()
    assert child.pid != first
    assert watched.said == [f"a has ended: starting it again in 1 s (its log: {child.log})."]


def test_a_child_that_keeps_dying_waits_longer_each_time(watched: Watched) -> None:
    child = watched.child("a", "raise SystemExit(3)")
    watched.supervisor.start([child])
    for second in range(40):
        until(lambda: not child.alive())
        watched.clock.seconds = float(second)
        watched.supervisor.watch()

    assert [sentence.split(" again in ")[1].split(" s ")[0] for sentence in watched.said] == [
        "1",
        "2",
        "4",
        "8",
        "16",
        "30",
    ]


def test_a_child_that_had_settled_waits_shortly_again(watched: Watched) -> None:
    child = watched.child("a", FOREVER)
    watched.supervisor.start([child])
    for died_at in (0.0, 100.0):
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        until(lambda: not child.alive())
        for later in (0.0, 5.0):
            watched.clock.seconds = died_at + later
            watched.supervisor.watch()
        assert child.alive()

    assert [sentence.split(" again in ")[1].split(" s ")[0] for sentence in watched.said] == ["1", "1"]


def test_children_stop_in_the_order_given(watched: Watched) -> None:
    order: list[str] = []
    children = [watched.child(name, FOREVER) for name in ("a", "b", "c")]
    for child in children:
        real = child.stop
        child.stop = lambda name=child.name, real=real: (order.append(name), real())[1]  # type: ignore[method-assign]
    watched.supervisor.start(children)
    watched.supervisor.stop()

    assert order == ["b", "a", "c"]
    assert [child.alive() for child in children] == [False, False, False]


def test_a_child_that_refuses_to_stop_is_killed(watched: Watched) -> None:
    child = watched.child("a", STUBBORN, stop_seconds=0.1)
    watched.supervisor.start([child])
    until(lambda: is_up(child))
    watched.supervisor.stop()

    assert not child.alive()
    assert child.pid is not None
    assert not exists(child.pid)


def test_what_a_child_started_ends_with_it(watched: Watched) -> None:
    grandchild = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); print(p.pid, flush=True)"
    )
    child = watched.child("a", f"{grandchild}\np.wait()")
    watched.supervisor.start([child])
    until(lambda: is_up(child))
    pid = int(child.log.read_text().split()[0])
    watched.supervisor.stop()

    until(lambda: not exists(pid) or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    program = (
        "import pathlib, signal, sys\nfrom partnerhub.runtime import processes\n"
        f"p = processes.spawn([sys.executable, '-c', {FOREVER!r}], log=pathlib.Path({str(log)!r}))\n"
        "print(p.pid, 'up', flush=True)\nsignal.pause()"
    )
    parent = processes.spawn([sys.executable, "-c", program], log=tmp_path / "parent.log", env=dict(os.environ))
    try:
        until(lambda: "up" in (tmp_path / "parent.log").read_text())
        pid = int((tmp_path / "parent.log").read_text().split()[0])
        until(lambda: log.exists() and "up" in log.read_text())
    finally:
        parent.kill()
        parent.wait()

    until(lambda: not exists(pid) or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z")


def test_a_port_is_free_until_somebody_listens() -> None:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not ports.is_free(port)

    assert ports.is_free(port)
    assert ports.answer(f"http://127.0.0.1:{port}/")[0] == 0
