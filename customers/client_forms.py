"""Shapes of what platform admins type about API clients; which customers one sees is resolved here."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _

from accounts.policy import AGENT_ROLES, Actor
from customers.models import Customer
from customers.selectors import ids_of_customers
from partnerhub.web.forms import RefusableForm
from partnerhub.web.templatetags.hub import ROLE_NAMES

MOST_CUSTOMERS = 1000
LONGEST_ID = 200
UNKNOWN_SHOWN = 5


class ScopeForm(RefusableForm):
    """Whether a program or a person sees all customers or only those listed, one a line by primary domain or id."""

    scope = forms.ChoiceField(
        label=_("Customers"),
        choices=[("all", _("All customers")), ("some", _("Only these customers"))],
        widget=forms.RadioSelect,
        initial="all",
    )
    customers = forms.CharField(
        label=_("Which customers"),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=MOST_CUSTOMERS * LONGEST_ID,
        required=False,
        help_text=_("One a line: the primary domain or the customer ID. Everything of other customers is not found."),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        self.actor = actor
        super().__init__(*args, **kwargs)

    def clean_customers(self) -> list[UUID] | None:
        """The ids of the customers that are listed; None when all are seen."""
        if self.cleaned_data.get("scope") != "some":
            return None
        asked = list(dict.fromkeys(filter(None, map(str.strip, self.cleaned_data["customers"].lower().splitlines()))))
        if not asked:
            raise ValidationError(_("Name at least one customer, or choose all customers."))
        if len(asked) > MOST_CUSTOMERS:
            raise ValidationError(translated("At most {count} customers can be listed.").format(count=MOST_CUSTOMERS))
        found = ids_of_customers(self.actor, asked)
        if unknown := [line for line in asked if line not in found]:
            told = ", ".join(line[:60] for line in unknown[:UNKNOWN_SHOWN])
            raise ValidationError(translated("Not found: {customers}").format(customers=told))
        return [found[line] for line in asked]


class ClientForm(ScopeForm):
    """A new program: its name, the role it acts in, and which customers it sees."""

    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("What people will recognise the program by."))
    role = forms.ChoiceField(label=_("Role"), choices=[(role.value, ROLE_NAMES[role]) for role in AGENT_ROLES])
    field_order = ("name", "role", "scope", "customers")


class RotationForm(forms.Form):
    """How long the secrets there are stay valid beside the new one."""

    overlap = forms.ChoiceField(
        label=_("The present secrets end"),
        choices=[("0", _("now")), ("24", _("in 24 hours")), ("168", _("in 7 days"))],
        initial="24",
    )

    def duration(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["overlap"]))


def scope_shown(customers: list[UUID] | None) -> dict[str, str]:
    """A program's or a person's scope as the form shows it: customers by domain."""
    if customers is None:
        return {"scope": "all", "customers": ""}
    domains = Customer.objects.filter(pk__in=customers).order_by("domain").values_list("domain", flat=True)
    return {"scope": "some", "customers": "\n".join(domains)}
