"""The Polish catalogue: complete, sure of itself, and holding the same values as the English."""

import re

import polib
import pytest

from partnerhub.runtime.messages import LOCALE

VALUES = re.compile(r"%\([a-z_]+\)[ds]|%[ds]|\{[a-z_]*\}|</?[a-z]+>")
POLISH = polib.pofile(str(LOCALE / "pl" / "LC_MESSAGES" / "django.po"))


def test_every_sentence_is_translated_and_no_translation_is_a_guess():
    assert [entry.msgid for entry in POLISH if not entry.translated() or entry.fuzzy] == []
    assert POLISH.obsolete_entries() == []


def test_polish_has_its_plural_forms():
    assert POLISH.metadata["Plural-Forms"].startswith("nplurals=4;")
    assert {len(entry.msgstr_plural) for entry in POLISH if entry.msgid_plural} == {4}


@pytest.mark.parametrize("entry", POLISH, ids=lambda entry: entry.msgid[:40])
def test_the_values_of_a_sentence_survive_its_translation(entry):
    translations = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]

    assert [sorted(VALUES.findall(each)) for each in translations] == [sorted(VALUES.findall(entry.msgid))] * len(
        translations
    )
