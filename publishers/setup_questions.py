"""What a publisher asks of a customer before it can set a plan up: typed questions, declared with the plan. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TEXT, LONG, EMAIL, DOMAIN, NUMBER, CHOICE, DATE = "text", "long", "email", "domain", "number", "choice", "date"
QUESTION_KINDS = (TEXT, LONG, EMAIL, DOMAIN, NUMBER, CHOICE, DATE)
MOST_QUESTIONS, MOST_CHOICES, LONGEST_LABEL = 30, 50, 300


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `labels` are its words by language where they are not those of `label`."""

    key: str
    kind: str
    label: str
    labels: Mapping[str, str]
    is_required: bool
    choices: tuple[str, ...]

    def label_in(self, language: str) -> str:
        return self.labels.get(language, self.label)


def questions_in(stored: Iterable[Mapping[str, Any]]) -> list[Question]:
    """The questions of a plan as its row holds them."""
    return [
        Question(
            key=one["key"],
            kind=one["kind"],
            label=one["label"],
            labels=one["labels"],
            is_required=one["required"],
            choices=tuple(one["choices"]),
        )
        for one in stored
    ]
