from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.policy import Role
from partnerhub.errors import RoleNotHeld
from partnerhub.web.forms import RefusableForm
from partnerhub.web.templatetags.hub import ROLE_NAMES


class ForgottenForm(forms.Form):
    """Whose password is forgotten."""

    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput({"autocomplete": "username"}))


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=[(role.value, role.value) for role in Role])


class SavedViewForm(forms.Form):
    """A view to keep: which page, under which name, with which query string, and for whom."""

    page = forms.SlugField(max_length=32)
    name = forms.CharField(max_length=80, label=_("Name"))
    query = forms.CharField(max_length=2000, required=False)
    shared = forms.BooleanField(required=False)
    opens = forms.BooleanField(required=False)


class ViewChangeForm(forms.Form):
    """What of a view is changed: its query string from the page, or its name and for whom it is."""

    name = forms.CharField(max_length=80, required=False)
    query = forms.CharField(max_length=2000, required=False)
    part = forms.ChoiceField(choices=[("query", "query"), ("name", "name")])
    shared = forms.BooleanField(required=False)


class PersonalTokenForm(RefusableForm):
    """A token to make: its name, the role it acts in (one of those held), and when it ends."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("What will use it, for example “Report script”.")
    )
    role = forms.ChoiceField(label=_("Role"))
    days = forms.ChoiceField(
        label=_("Ends"),
        choices=[("7", _("in 7 days")), ("30", _("in 30 days")), ("90", _("in 90 days")), ("365", _("in a year"))],
        initial="30",
    )
    refused_at = {RoleNotHeld: "role"}

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role.value, ROLE_NAMES[role]) for role in roles]  # type: ignore[attr-defined]


class DefaultViewForm(forms.Form):
    """The view that a page opens with; none of them when `view` is empty."""

    page = forms.SlugField(max_length=32)
    view = forms.UUIDField(required=False)
