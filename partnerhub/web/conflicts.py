"""Two people edited the same row: what it was, what they made of it, what you typed, field by field.

Values are texts as a browser sends them: a date is `2026-11-23`, a checked box `on`, an empty field the empty text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django import forms
from django.core import signing
from django.utils.translation import gettext as _

_SALT = "partnerhub.web.conflicts"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field that somebody else changed since the form was opened.

    `is_clash` when you changed it too, to something else: then your text stays in the form and sending it overwrites
    theirs; otherwise the form has taken theirs over. `base` is None where the form no longer says what it showed.
    """

    name: str
    label: str
    base: str | None
    theirs: str
    yours: str
    is_clash: bool


def snapshot(values: Mapping[str, str]) -> str:
    """The values that a form shows, sealed for its hidden field."""
    return signing.dumps(dict(values), salt=_SALT, compress=True)


def base_of(sealed: str) -> dict[str, str]:
    """The values of a snapshot; none for a text that is no snapshot of this hub."""
    try:
        values = signing.loads(sealed, salt=_SALT)
    except signing.BadSignature:
        return {}
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}


def rebased(base: Mapping[str, str], current: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    """What the form shows next: your text where you changed the field (or nobody knows), theirs elsewhere."""
    return {
        name: theirs if name in base and _same(typed.get(name, ""), base[name]) else typed.get(name, "")
        for name, theirs in current.items()
    }


def conflicts_of(
    form: forms.Form, base: Mapping[str, str], current: Mapping[str, str], typed: Mapping[str, str]
) -> list[Conflict]:
    """The fields that somebody else changed and that do not read as you typed them, in the form's order."""
    found = []
    for name in (name for name in form.fields if name in current):
        was, theirs, yours = base.get(name), current[name], typed.get(name, "")
        if _same(theirs, yours) or (was is not None and _same(was, theirs)):
            continue
        shown = [_shown(form.fields[name], value) for value in (theirs, yours)]
        before = None if was is None else _shown(form.fields[name], was)
        touched = was is None or not _same(was, yours)
        found.append(Conflict(name, str(form[name].label), before, shown[0], shown[1], touched))
    return found


def _same(one: str, other: str) -> bool:
    # A browser sends line breaks as CR LF.
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def _shown(field: forms.Field, value: str) -> str:
    """A value as people read it: the words of a choice, yes or no for a box."""
    if isinstance(field, forms.BooleanField):
        return _("Yes") if value else _("No")
    choices = getattr(field, "choices", ())
    return next((str(words) for key, words in choices if str(key) == value), value)
