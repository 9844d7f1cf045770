"""What a mail says, and how it looks: one plain layout, as text and as HTML."""

from dataclasses import dataclass, field

from django.template.loader import render_to_string
from django.utils import translation


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in words of its reader's language, from greeting to `note` (small, at the end). `facts` are pairs of name
    and value; `link` is the one thing to do.
    """

    subject: str
    greeting: str
    paragraphs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = field(default=())
    link: Link | None = None
    note: str = ""


def rendered(letter: Letter, language: str) -> tuple[str, str]:
    """The letter as plain text and as HTML."""
    context = {"letter": letter, "language": language}
    with translation.override(language):
        text, html = (render_to_string(f"mail/letter.{kind}", context) for kind in ("txt", "html"))
    return text, html


def one_line(text: str) -> str:
    """Text of others on one printable line, for a subject."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
