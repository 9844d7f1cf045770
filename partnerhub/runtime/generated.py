"""Keeps the code of dataclasses' methods, which Python writes as source and compiles anew in every process."""

import dataclasses
import marshal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import Any

LARGEST = 4_000_000  # bytes; begun anew past that, for what nobody has any more is in it too


class Kept:
    """Code by the whole of its source, so nothing it is found by can be out of date."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.code = _read(file)
        self.compiled = 0

    def run(self, source: str, globals_: dict[str, Any], locals_: dict[str, Any]) -> None:
        """What `exec` does with these."""
        if (code := self.code.get(source)) is None:
            code = self.code[source] = compile(source, "<string>", "exec", dont_inherit=True)
            self.compiled += 1
        exec(code, globals_, locals_)  # noqa: S102 - in the place of exec

    def write(self) -> None:
        """A folder that nobody may write to is left as it is, as it is for modules."""
        part = self.file.with_suffix(".part")
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(MAGIC_NUMBER + marshal.dumps(self.code))
            part.replace(self.file)  # a process that starts meanwhile never reads half a file


@contextmanager
def kept(file: Path | None = None) -> Iterator[Kept]:
    """Within it, dataclasses' methods are compiled once for all processes. Beside the compiled modules, if not told."""
    known = Kept(file or Path(cache_from_source(__file__)).with_suffix(".code"))
    dataclasses.exec = known.run  # type: ignore[attr-defined]
    try:
        yield known
    finally:
        del dataclasses.exec  # type: ignore[attr-defined]
        if known.compiled and not sys.dont_write_bytecode:
            known.write()


def _read(file: Path) -> dict[str, CodeType]:
    try:
        content = file.read_bytes()
        if content.startswith(MAGIC_NUMBER) and len(content) < LARGEST:
            found: dict[str, CodeType] = marshal.loads(content[len(MAGIC_NUMBER) :])  # noqa: S302 - as Python's own .pyc
            return found
    except (OSError, ValueError, EOFError, TypeError):
        pass
    return {}
