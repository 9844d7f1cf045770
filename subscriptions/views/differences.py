"""What an event changed, value by value: as it was before, and after."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from publishers.models import PlanTerm
from subscriptions import words
from subscriptions.views.rows import term_words

Plans = Mapping[str, str]

# In the order in which they are shown; what is not named here stays in the log.
_SUBSCRIPTION = {
    "nickname": gettext_lazy("Nickname"),
    "quantity": gettext_lazy("Quantity"),
    "title": gettext_lazy("Plan"),
    "plan_term": gettext_lazy("Plan"),
    "term": gettext_lazy("Term"),
    "billing_cycle": gettext_lazy("Billing"),
    "unit_price": gettext_lazy("Price"),
    "auto_renew": gettext_lazy("Auto-renew"),
    "partner_id": gettext_lazy("Indirect reseller PartnerID"),
}
_CUSTOMER = {
    "name": gettext_lazy("Name"),
    "domain": gettext_lazy("Domain"),
    "country": gettext_lazy("Country"),
    "currency": gettext_lazy("Currency"),
    "vat_id": gettext_lazy("VAT ID"),
    "language": gettext_lazy("Language"),
    "billing_first_name": gettext_lazy("First name"),
    "billing_last_name": gettext_lazy("Last name"),
    "billing_email": gettext_lazy("Invoices to"),
    "address_line": gettext_lazy("Address"),
    "city": gettext_lazy("City"),
    "postal_code": gettext_lazy("Postal code"),
    "region": gettext_lazy("Region"),
    "beneficiary_name": gettext_lazy("Beneficiary"),
    "beneficiary_email": gettext_lazy("Beneficiary's e-mail"),
    "reseller": gettext_lazy("Indirect reseller PartnerID"),
    "agreement_signed_at": gettext_lazy("Agreement signed on"),
}
# Events whose `before` and `after` are one value of the subscription.
_SINGLE = {
    "subscription.renamed": "nickname",
    "subscription.auto_renew_changed": "auto_renew",
    "subscription.quantity_changed": "quantity",
    "subscription.reseller_changed": "partner_id",
}


# Events that tell their values by the very words that people read.
_BY_LABEL = {"subscription.setup_answered"}


@dataclass(frozen=True, slots=True)
class Change:
    label: str
    before: str
    after: str


def changes_of(name: str, data: Mapping[str, Any], plans: Plans) -> list[Change]:
    """The values that an event changed; `plans` names plan terms by their ids."""
    before, after = data.get("before"), data.get("after")
    if name in _SINGLE:
        before, after = {_SINGLE[name]: before}, {_SINGLE[name]: after}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    if name in _BY_LABEL:
        return [Change(label, before.get(label) or "–", value or "–") for label, value in after.items()]
    fields = _CUSTOMER if name.startswith(("customer.", "reseller.")) else _SUBSCRIPTION
    named = {key: label for key, label in fields.items() if key != "plan_term" or "title" not in after}
    return [
        Change(str(label), _shown(key, before.get(key), plans), _shown(key, after.get(key), plans))
        for key, label in named.items()
        if before.get(key) != after.get(key)
    ]


def plans_of(data: Iterable[Mapping[str, Any]]) -> Plans:
    """The names of the plan terms that events mention by id only; one query, or none."""
    sides = [one[side] for one in data for side in ("before", "after") if isinstance(one.get(side), dict)]
    ids = {side["plan_term"] for side in sides if side.get("plan_term") and "title" not in side}
    if not ids:
        return {}
    terms = PlanTerm.objects.select_related("plan").filter(pk__in=[UUID(text) for text in ids])
    return {str(term.pk): f"{term.plan.title}, {term_words(term)}" for term in terms}


def _shown(key: str, value: Any, plans: Plans) -> str:
    if isinstance(value, bool):
        return _("On") if value else _("Off")
    if value in (None, ""):
        return "–"
    if key == "plan_term":
        return plans.get(value, value)
    table: dict[str, Any] = {"billing_cycle": words.CYCLE, "term": words.TERM}.get(key, {})
    return str(table.get(value, value))
