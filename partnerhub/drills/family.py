"""Who descends from a process: from /proc, so on Linux."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Member:
    """A process. Its number may be given to another one later, its number and birth together never."""

    pid: int
    born: int
    command: str


def descendants(pid: int) -> list[Member]:
    """Every process below `pid`, without itself."""
    everybody = _everybody()
    found: list[Member] = []
    parents = {pid}
    while parents:
        children = [member for parent, member in everybody if parent in parents]
        found += children
        parents = {member.pid for member in children}
    return found


def children(pid: int) -> list[Member]:
    return [member for parent, member in _everybody() if parent == pid]


def everybody() -> list[Member]:
    """Every process of this machine."""
    return [member for _, member in _everybody()]


def survivors(members: Iterable[Member]) -> list[Member]:
    """Those that still run."""
    running = {(member.pid, member.born) for _, member in _everybody()}
    return [member for member in members if (member.pid, member.born) in running]


def mentioning(folder: Path) -> list[Member]:
    """Processes that were given this folder by command line or environment, whoever their parent is by now."""
    needle = os.fsencode(folder)
    return [member for _, member in _everybody() if member.pid != os.getpid() and needle in _given_to(member.pid)]


def _given_to(pid: int) -> bytes:
    return b"\0".join(_read(PROC / str(pid) / name) for name in ("cmdline", "environ"))


def _everybody() -> list[tuple[int, Member]]:
    """Each process with its parent's number; those that have ended and wait to be collected are not among them."""
    found = []
    for entry in PROC.glob("[0-9]*"):
        # The name stands in parentheses and may hold anything.
        _, _, facts = _read(entry / "stat").rpartition(b")")
        state, parent, *rest = facts.split() or (b"Z", b"0")
        if state != b"Z":
            command = _read(entry / "cmdline").replace(b"\0", b" ").decode(errors="replace")
            found.append((int(parent), Member(int(entry.name), int(rest[17]), command.strip())))
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
