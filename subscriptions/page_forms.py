"""The forms around the page that a customer's contact is sent: the letter, its template, and what is answered there."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from customers.forms import DomainField, LineField
from partnerhub.web.forms import ComparedForm, RefusableForm
from publishers import setup_questions as kinds
from publishers.setup_questions import Question
from subscriptions.models import LetterTemplate
from subscriptions.page_letters import LONGEST_BODY

LONGEST_ANSWER = 500
LARGEST_NUMBER = 10**12
ASKED, SHOWN = "q_", "was_"


def _body() -> forms.CharField:
    return forms.CharField(label=_("Text"), max_length=LONGEST_BODY, widget=forms.Textarea(attrs={"rows": 12}))


class LetterForm(RefusableForm):
    """A letter to a customer's contact. `page` is the page it brings: sent twice, it is still one."""

    recipient = forms.EmailField(label=_("Recipient"))
    subject = forms.CharField(label=_("Subject"), max_length=200)
    body = _body()
    language = forms.CharField(max_length=5, widget=forms.HiddenInput)
    page = forms.UUIDField(widget=forms.HiddenInput)


class TemplateForm(ComparedForm):
    subject = forms.CharField(label=_("Subject"), max_length=200)
    body = _body()

    @staticmethod
    def values_of(template: LetterTemplate) -> dict[str, str]:
        """What the form shows of a template."""
        return {"subject": template.subject, "body": template.body}


class SetupForm(forms.Form):
    """What a publisher asks, one typed field a question. Nothing has to be filled in to save the rest; beside each
    field stands what the page showed, so that two people at once do not overwrite each other.
    """

    use_required_attribute = False

    def __init__(
        self, questions: Sequence[Question], standing: Mapping[str, str], language: str, data: Any = None
    ) -> None:
        super().__init__(data=data)
        self.keys = [question.key for question in questions]
        for question in questions:
            field = _field_of(question)
            field.label, field.required = question.label_in(language), question.is_required
            field.initial = standing.get(question.key, "")
            self.fields[f"{ASKED}{question.key}"] = field
            self.fields[f"{SHOWN}{question.key}"] = forms.CharField(
                required=False, strip=False, initial=field.initial, widget=forms.HiddenInput
            )

    def clean(self) -> dict[str, Any]:
        """What is left empty is not refused: it can be answered another time."""
        for name in [name for name, errors in self.errors.items() if errors.as_data()[0].code == "required"]:
            del self.errors[name]
            self.cleaned_data[name] = ""
        return self.cleaned_data

    def valid_answers(self) -> dict[str, str]:
        """The answers that fit, as text, by the key of their question; empty where there is none."""
        given = {key: self.cleaned_data.get(f"{ASKED}{key}", "") for key in self.keys if not self._is_refused(key)}
        return {key: _as_text(value) for key, value in given.items()}

    def seen(self) -> dict[str, str]:
        """What the page showed, by the key of the question."""
        return {key: str(self.data.get(f"{SHOWN}{key}", "")) for key in self.keys}

    def rebase(self, standing: Mapping[str, str], clashes: Mapping[str, str]) -> None:
        """Go on from what stands now: what was typed is kept, what was left alone takes the new answer."""
        seen, typed = self.seen(), dict(self.data.items())
        for key in self.keys:
            name, now = f"{ASKED}{key}", standing.get(key, "")
            if typed.get(name, "") == seen[key]:
                typed[name] = now
            typed[f"{SHOWN}{key}"] = now
        self.data = typed
        for key, theirs in clashes.items():
            self.add_error(f"{ASKED}{key}", _clash(theirs))

    def _is_refused(self, key: str) -> bool:
        return f"{ASKED}{key}" in self.errors


def _clash(theirs: str) -> ValidationError:
    if not theirs:
        return ValidationError(_("Meanwhile somebody has taken this answer back. Save again to keep yours."))
    return ValidationError(
        _("Meanwhile somebody has answered “%(theirs)s”. Save again to keep yours."), params={"theirs": theirs}
    )


def _field_of(question: Question) -> forms.Field:
    match question.kind:
        case kinds.LONG:
            return forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 4}))
        case kinds.EMAIL:
            return forms.EmailField()
        case kinds.DOMAIN:
            return DomainField(max_length=200)
        case kinds.NUMBER:
            return forms.IntegerField(min_value=0, max_value=LARGEST_NUMBER)
        case kinds.CHOICE:
            choices = [("", _("Choose")), *((choice, choice) for choice in question.choices)]
            return forms.ChoiceField(choices=choices)
        case kinds.DATE:
            return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    return LineField(max_length=LONGEST_ANSWER)


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)
