"""What figures of the past are asked for: days, or one of some periods up to today; a publisher, a customer."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.policy import Actor
from customers.models import Customer
from customers.selectors import customers_visible_to
from partnerhub.web.templatetags.hub import day_text
from publishers.selectors import publishers_visible_to
from subscriptions.insight import MOST_DAYS, Span
from subscriptions.insight_orders import Asked

PRESETS: dict[str, Promise | str] = {
    "7": _("Last 7 days"),
    "30": _("Last 30 days"),
    "90": _("Last 90 days"),
    "365": _("Last 365 days"),
}
USUAL = "90"
NAMES_SHOWN = 5


class InsightForm(forms.Form):
    """Read from the query string: `since` and `until` (UTC days, both included), or `last`, a number of days up to
    today. One day alone reaches as far as the usual period. What cannot be used is refused at its field.
    """

    since = forms.DateField(label=_("From"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    until = forms.DateField(label=_("To"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    publisher: Any = forms.ModelChoiceField(
        None,
        label=_("Publisher"),
        required=False,
        empty_label=_("All"),
        error_messages={"invalid_choice": _("There is no such publisher.")},
    )
    customer = forms.CharField(label=_("Customer"), required=False, max_length=200)

    def __init__(self, params: dict[str, str], *, actor: Actor, today: date, by_customer: bool) -> None:
        self.actor, self.today = actor, today
        self.preset = "" if params.get("since") or params.get("until") else params.get("last") or USUAL
        super().__init__(params | self._days(params))
        publishers: Any = self.fields["publisher"]
        publishers.queryset = publishers_visible_to(actor)
        if not by_customer:
            del self.fields["customer"]

    def _days(self, params: dict[str, str]) -> dict[str, str]:
        """Both days, where one or both are not given."""
        reach = timedelta(days=int(self.preset if self.preset in PRESETS else USUAL) - 1)
        since, until = params.get("since", ""), params.get("until", "")
        if not until:
            until = self.today.isoformat()
        if not since:
            try:
                since = (date.fromisoformat(until) - reach).isoformat()
            except (ValueError, OverflowError):
                since = (self.today - reach).isoformat()
        return {"since": since, "until": until}

    def clean_customer(self) -> Customer | None:
        text: str = self.cleaned_data["customer"].strip()
        if not text:
            return None
        found = self._found(text)
        if len(found) == 1:
            return found[0]
        if not found:
            raise forms.ValidationError(_("No customer has this name or ID: %(text)s."), params={"text": text})
        names = ", ".join(customer.name for customer in found[:NAMES_SHOWN]) + (" …" if found[NAMES_SHOWN:] else "")
        raise forms.ValidationError(
            _("Several customers are called so: %(names)s. Write the whole name, or the ID."), params={"names": names}
        )

    def _found(self, text: str) -> list[Customer]:
        """By its ID, by its whole name, by a part of it: the first way that finds any."""
        visible = customers_visible_to(self.actor)
        try:
            return list(visible.filter(pk=UUID(text)))
        except ValueError:
            whole = list(visible.filter(name__iexact=text)[: NAMES_SHOWN + 1])
            return whole or list(visible.filter(name__icontains=text)[: NAMES_SHOWN + 1])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.preset and self.preset not in PRESETS:
            self.add_error("since", _("Choose one of the periods, or days."))
        since, until = given.get("since"), given.get("until")
        if since and until:
            self._judge(since, until)
        return given

    def _judge(self, since: date, until: date) -> None:
        if since > self.today:
            self._refuse("since", _("%(day)s has not come yet."), day=day_text(since))
        elif since > until:
            sentence = _("The last day is %(last)s, but the first is %(first)s.")
            self._refuse("until", sentence, last=day_text(until), first=day_text(since))
        elif Span(since, until).days > MOST_DAYS:
            sentence = _("These are %(days)d days. At most %(most)d are shown at once: choose a shorter period.")
            self._refuse("until", sentence, days=Span(since, until).days, most=MOST_DAYS)

    def _refuse(self, field: str, sentence: Any, **values: Any) -> None:
        self.add_error(field, forms.ValidationError(sentence, params=values))

    @property
    def asked(self) -> Asked:
        """What a valid form asks for; days after today hold nothing and are left out."""
        given = self.cleaned_data
        span = Span(given["since"], min(given["until"], self.today))
        return Asked(span, given["publisher"], given.get("customer"))
