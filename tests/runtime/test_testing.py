from pathlib import Path

from partnerhub.runtime.bootstrap import ROOT
from partnerhub.runtime.testing import STARTED


def test_what_starts_hubs_or_browsers_stands_where_its_half_looks_for_it():
    marks = ("mark" + ".scenario", "mark" + ".browser")
    marked = [path for path in (ROOT / "tests").rglob("*.py") if any(mark in path.read_text() for mark in marks)]
    assert marked
    assert [path for path in marked if not _is_looked_at(path)] == []


def _is_looked_at(path: Path) -> bool:
    return any(path.is_relative_to(ROOT / place) for place in STARTED)
