"""Forms of the queue: until when a row is put aside, and who takes it."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.timezone import localdate, make_aware
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from partnerhub.errors import AssigneeUnfit, NotFound, SnoozeOver
from partnerhub.web.forms import RefusableForm

HOUR, MORNING, CHANGE, DAY = "hour", "morning", "change", "day"
MORNING_AT = time(8)


class SnoozeForm(RefusableForm):
    """Until when something is put aside. Days and hours are those of the zone in which pages show times."""

    until = forms.ChoiceField(
        label=_("Put aside"),
        choices=[
            (HOUR, _("for an hour")),
            (MORNING, _("until tomorrow, 8:00")),
            (CHANGE, _("until it changes")),
            (DAY, _("until a day and hour")),
        ],
    )
    day = forms.DateField(label=_("Day"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    hour = forms.TimeField(
        label=_("Hour"), required=False, initial=MORNING_AT, widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    refused_at = {SnoozeOver: "day"}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("until") == DAY and not given.get("day") and "day" not in self.errors:
            self.add_error("day", _("Choose a day."))
        return given

    def moment(self, at: datetime) -> datetime | None:
        """Until when; None until it changes."""
        match self.cleaned_data["until"]:
            case "hour":
                return at + timedelta(hours=1)
            case "morning":
                return _moment_of(localdate(at) + timedelta(days=1), MORNING_AT)
            case "day":
                return _moment_of(self.cleaned_data["day"], self.cleaned_data["hour"] or MORNING_AT)
            case _:
                return None


class AssignForm(RefusableForm):
    """Who takes it, or nobody."""

    assignee = forms.ChoiceField(label=_("Assignee"), required=False)
    refused_at = {AssigneeUnfit: "assignee", NotFound: "assignee"}

    def __init__(self, *args: Any, people: list[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Nobody")), *((str(person.pk), person.name) for person in people)]
        self.fields["assignee"].choices = choices  # type: ignore[attr-defined]


def _moment_of(day: date, hour: time) -> datetime:
    return make_aware(datetime.combine(day, hour))
