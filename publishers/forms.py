"""What a platform admin types about a publisher. The fields are named like the members of its document."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from partnerhub.errors import AddressNotAllowed, ClientTaken, HubError, PublisherNameTaken
from partnerhub.web.forms import ComparedForm, RefusableForm
from partnerhub.web.uploads import LARGEST_FILE
from publishers.models import Publisher
from publishers.words import ADAPTER

LONGEST_URL = 500


class ConnectionFields(RefusableForm):
    """How a publisher is reached and as whom it signs in."""

    adapter = forms.ChoiceField(
        label=_("How its confirmation reaches the hub"),
        choices=[(adapter.value, words) for adapter, words in ADAPTER.items()],
        widget=forms.RadioSelect,
    )
    landing_url = forms.CharField(
        label=_("Landing page"), max_length=LONGEST_URL, help_text=_("Where customers go with their personal link.")
    )
    fulfillment_base_url = forms.CharField(
        label=_("Address of its fulfillment API"),
        max_length=LONGEST_URL,
        required=False,
        help_text=_("What comes before /api/saas/subscriptions; needed where the hub asks."),
    )
    webhook_url = forms.CharField(
        label=_("Webhook"),
        max_length=LONGEST_URL,
        required=False,
        help_text=_("Where it is told of changes, suspensions and renewals."),
    )
    contact_email = forms.CharField(
        label=_("Contact e-mail"),
        max_length=254,
        required=False,
        help_text=_("Whoever is reminded of orders that wait."),
    )
    max_concurrency = forms.IntegerField(
        label=_("Calls at a time"), min_value=1, max_value=1000, initial=20, help_text=_("Over all workers.")
    )
    max_per_second = forms.IntegerField(
        label=_("Calls a second"),
        min_value=1,
        max_value=1000,
        required=False,
        help_text=_("Over all workers; empty means no limit."),
    )
    tenant_id = forms.UUIDField(
        label=_("Tenant ID"), required=False, help_text=_("Of the publisher's app; made when empty.")
    )
    client_id = forms.UUIDField(
        label=_("App (client) ID"),
        required=False,
        help_text=_("Made when empty. One pair of tenant and app belongs to one publisher."),
    )

    refused_at = {ClientTaken: "client_id", PublisherNameTaken: "name"}

    def _field_of(self, refusal: HubError) -> str | None:
        if isinstance(refusal, AddressNotAllowed):
            # The service puts the member before the address.
            member = str(refusal.values["url"]).partition(" ")[0]
            return member if member in self.fields else None
        return super()._field_of(refusal)

    def members(self) -> dict[str, Any]:
        """What a valid form says, as the members of a document; what was left empty is left out."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        own = {name: given[name] for name in ConnectionFields.base_fields if name in given}
        return own | {name: str(own[name]) for name in ("tenant_id", "client_id") if name in own}


class NewPublisherForm(ConnectionFields):
    name = forms.CharField(
        label=_("Name"), max_length=200, help_text=_("The ids of what it sells are made from it: it cannot change.")
    )
    field_order = ["name"]


class ConnectionForm(ConnectionFields, ComparedForm):
    """A publisher as somebody saw it."""


def connection_values(publisher: Publisher) -> dict[str, str]:
    """A publisher as its form shows it."""
    client = {"tenant_id": str(publisher.client.tenant_id), "client_id": str(publisher.client_id)}
    names = [name for name in ConnectionFields.base_fields if name not in client]
    return {name: _text(getattr(publisher, name)) for name in names} | client


def _text(value: object) -> str:
    return "" if value is None else str(value)


class DocumentForm(RefusableForm):
    """A publisher's document, typed or as a file; `parsed` is what it says once the form is valid."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    file = forms.FileField(
        label=_("JSON file"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
        help_text=_("Takes the place of the text below."),
    )
    document = forms.CharField(
        label=_("Document"),
        required=False,
        max_length=LARGEST_FILE,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "code"}),
    )

    parsed: Mapping[str, Any] = {}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        uploaded: UploadedFile[bytes] | None = cleaned.get("file")
        text = _read(uploaded) if uploaded else cleaned.get("document", "")
        self.data = {**self.data, "document": text}
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise ValidationError({"document": _("This is not JSON: {problem}").format(problem=problem)}) from None
        if not isinstance(parsed, dict):
            raise ValidationError({"document": _("This is not a JSON object.")})
        self.parsed = parsed
        return cleaned

    def reopen(self, version: int) -> None:
        """Keep what was typed over what stands now, so that sending it once more is a decision."""
        self.data = {**self.data, "version": str(version)}


def _read(uploaded: "UploadedFile[bytes]") -> str:
    content: bytes = uploaded.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValidationError({"file": _("The file is larger than 2 MB.")})
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError({"file": _("The file is not UTF-8 text.")}) from None
