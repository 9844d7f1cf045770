"""Sentences said over and over, for the rows of lists: each is looked up once for a language."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from django.utils.translation import get_language, gettext

Code = TypeVar("Code")


class Voice:
    """What is said in one language; called with a sentence of the catalogue as `gettext` is."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._said: dict[str, str] = {}
        self._tables: dict[int, tuple[Any, dict[Any, str]]] = {}

    def __call__(self, sentence: str) -> str:
        return self._said.get(sentence) or self._said.setdefault(sentence, gettext(sentence))

    def of(self, table: Mapping[Code, Any], code: Code | str) -> str:
        """The words of a code out of a module's table of lazy words. Raises KeyError for an unknown one."""
        # The table is kept beside its words, so that no other can come to have its id.
        found = self._tables.get(id(table)) or self._tables.setdefault(
            id(table), (table, {key: str(words) for key, words in table.items()})
        )
        return found[1][code]


@cache
def _voice(language: str) -> Voice:
    return Voice(language)


def voice() -> Voice:
    """The voice of the present language; to be asked for once a page, for finding out the language is what costs."""
    return _voice(get_language() or "en")
