import dataclasses
from pathlib import Path
from typing import Any

from partnerhub.runtime.generated import LARGEST, kept


def _made(amount: int) -> Any:
    @dataclasses.dataclass(frozen=True)
    class Seats:
        quantity: int
        added: int = amount

    return Seats(3)


def test_code_is_compiled_once_for_all_that_come_after(tmp_path: Path) -> None:
    file = tmp_path / "there" / "kept.code"
    with kept(file) as first:
        _made(1)
    with kept(file) as second:
        made = _made(2)

    assert (first.compiled > 3, second.compiled) == (True, 0)
    assert dataclasses.asdict(made) == {"quantity": 3, "added": 2}
    assert (made == dataclasses.replace(made), made == dataclasses.replace(made, added=1)) == (True, False)
    assert hash(made) == hash(dataclasses.replace(made))
    assert not hasattr(dataclasses, "exec")


def test_another_source_is_other_code(tmp_path: Path) -> None:
    file = tmp_path / "kept.code"
    with kept(file):
        dataclasses.make_dataclass("Plan", ["title"])
    with kept(file) as second:
        renamed = dataclasses.make_dataclass("Plan", ["name"])("Basic")

    assert second.compiled > 0
    assert repr(renamed) == "Plan(name='Basic')"


def test_what_cannot_be_read_is_compiled_anew(tmp_path: Path) -> None:
    file = tmp_path / "kept.code"
    for content in (b"", b"of another Python", b"x" * LARGEST):
        file.write_bytes(content)
        with kept(file) as anew:
            _made(1)
        with kept(file) as again:
            _made(1)
        assert (anew.compiled > 3, again.compiled) == (True, 0)
