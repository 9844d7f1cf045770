"""The page on security names tests that there are."""

import re
from pathlib import Path

import pytest
from django.conf import settings

PAGE = (Path(settings.BASE_DIR) / "docs/security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.:]+)`", PAGE)))


@pytest.mark.parametrize("named", NAMED)
def test_each_test_that_it_names_is_there(named):
    file, _, names = named.partition("::")
    text = (Path(settings.BASE_DIR) / file).read_text(encoding="utf-8")

    assert [name for name in names.split("::") if name and not re.search(rf"(?:def|class) {name}\b", text)] == []


def test_each_chapter_has_its_row_and_its_tests():
    rows = re.findall(r"^\| (V\d+) [^|]+\| (met|partly|not applicable) \|[^|]+\|([^|]+)\|$", PAGE, re.MULTILINE)

    assert [chapter for chapter, _is, _tests in rows] == [f"V{number}" for number in range(1, 15)]
    assert [chapter for chapter, how, tests in rows if how != "not applicable" and "`tests/" not in tests] == []
