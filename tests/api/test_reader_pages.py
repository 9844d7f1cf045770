"""What the pages say of the API is what it does: each operation is placed, what is absent is, each number is listed."""

import re
from pathlib import Path

import pytest
from drf_spectacular.generators import SchemaGenerator

from partnerhub.api import errors
from tests.api.conftest import Program

ROOT = Path(__file__).resolve().parents[2]
API = (ROOT / "docs/api.md").read_text()
COMING = (ROOT / "docs/coming-from-partner-center.md").read_text()
CALLS = re.findall(r"^\| `([A-Z]+) (/\S+)` \| (\w+) \|", COMING, re.MULTILINE)
REFUSALS = re.findall(r"^\| (\d+) \| (\d{3}) \| (.*?) \| .*? \| (?:`(tests/\S+)`|–) \|$", API, re.MULTILINE)
# Kinds of a number that no call of a program leads to; the page says so.
UNREACHED = {800041, 800094}


def unnamed(method: str, path: str) -> tuple[str, str]:
    """A call without the names of what stands in its address."""
    return method.upper(), re.sub(r"\{\w+\}", "{}", path)


def test_every_operation_is_placed_and_nothing_else_is() -> None:
    document = SchemaGenerator().get_schema(request=None, public=True)
    answered = {unnamed(method, path) for path, methods in document["paths"].items() for method in methods}
    placed = [unnamed(method, path) for method, path, here in CALLS if here in ("equal", "better", "ours")]
    assert len(placed) == len(set(placed))
    assert set(placed) == answered


@pytest.mark.django_db
def test_what_is_absent_is_told_so_as_json(admin: Program) -> None:
    absent = [(method, path) for method, path, here in CALLS if here == "absent"]
    for method, path in absent:
        answer = admin.generic(method, path.removeprefix("/v1").replace("{", "").replace("}", ""))
        assert (answer.status_code in (404, 405), answer["Content-Type"]) == (True, "application/json"), path
    assert len(absent) > 10


def test_every_number_is_listed_with_its_status_and_the_test_that_provokes_it() -> None:
    told = {(int(number), int(status)) for number, status, *_ in REFUSALS}
    known = {(number, status) for status, number in (*errors.NUMBERS.values(), *errors.TARGETS.values())}
    known |= {(number, 404) for number in errors.MISSING.values()}
    known |= {(number, 400) for number in (*errors.IN_HOURS.values(), errors.NEVER_LESS)}
    known |= {(400, 401), (405, 405), (413, 413), (500, 500), (503, 503)}
    assert told == known
    for number, _, words, seen_in in REFUSALS:
        text = (ROOT / seen_in).read_text() if seen_in else ""
        seen = any(name in text for name in (number, *re.findall(r"`(\w+)`", words)))
        assert seen or int(number) in UNREACHED, (number, seen_in)
