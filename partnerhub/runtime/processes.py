"""Child processes that end with us, however we end."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: the child, between fork and exec, must not import or open libraries.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    uid: int | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, its output appended to `log`.

    The kernel sends it `death_signal` when the calling thread ends (Linux), so call this from the main thread.
    With `uid` (as root) the child becomes that user and keeps no group of ours.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,  # a Ctrl-C in the terminal reaches the supervisor alone, which stops them in order
            preexec_fn=_tie(os.getpid(), uid, death_signal),
        )


def stop(process: subprocess.Popen[bytes], *, by: signal.Signals = signal.SIGTERM, seconds: float = 10) -> bool:
    """Ask the process to end; kill it and its session after `seconds`. Whether it ended by itself in time."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill_session(process)
            return False
    return True


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever it started in its own session, and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tie(parent: int, uid: int | None, death_signal: signal.Signals) -> Callable[[], None]:
    def between_fork_and_exec() -> None:
        if uid is not None:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        if _LIBC is not None:
            # After setuid, which clears it; and the parent may have gone before the kernel knew.
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return between_fork_and_exec


def share_of_processor() -> float:
    """How much of a processor one more process gets on this machine, from 0 to 1, by the load of the last minute."""
    return min(1.0, (os.cpu_count() or 1) / max(os.getloadavg()[0], 1.0))
