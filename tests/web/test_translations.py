"""The Polish catalogue: complete, sure of itself, and holding the same values as the English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest

from partnerhub.runtime.bootstrap import ROOT
from partnerhub.runtime.messages import LOCALE

MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
APPS = ("accounts", "billing", "customers", "partnerhub", "publishers", "subscriptions")
TRANSLATE = re.compile(r'{%\s*translate\s+"((?:[^"\\]|\\.)*)"')

VALUES = re.compile(r"%\([a-z_]+\)[ds]|%[ds]|\{[a-z_]*\}|</?[a-z]+>")
POLISH = polib.pofile(str(LOCALE / "pl" / "LC_MESSAGES" / "django.po"))


def test_every_sentence_is_translated_and_no_translation_is_a_guess():
    assert [entry.msgid for entry in POLISH if not entry.translated() or entry.fuzzy] == []
    assert POLISH.obsolete_entries() == []


def test_whatever_is_marked_is_in_the_catalogue():
    assert {sentence for sentence in marked() if POLISH.find(sentence) is None} == set()


def marked() -> Iterator[str]:
    """Every sentence that code or a template marks for translation."""
    for module in (path for app in APPS for path in (ROOT / app).rglob("*.py")):
        yield from _marked_in(module)
    for template in (ROOT / "templates").rglob("*.html"):
        yield from TRANSLATE.findall(template.read_text(encoding="utf-8"))


def _marked_in(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _name(node.func) in MARKS and isinstance(node.args[0], ast.Constant):
            yield node.args[0].value


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def test_polish_has_its_plural_forms():
    assert POLISH.metadata["Plural-Forms"].startswith("nplurals=4;")
    assert {len(entry.msgstr_plural) for entry in POLISH if entry.msgid_plural} == {4}


@pytest.mark.parametrize("entry", POLISH, ids=lambda entry: entry.msgid[:40])
def test_the_values_of_a_sentence_survive_its_translation(entry):
    translations = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]

    assert [sorted(VALUES.findall(each)) for each in translations] == [sorted(VALUES.findall(entry.msgid))] * len(
        translations
    )
