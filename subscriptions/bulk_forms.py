"""Shapes of what agents type for many subscriptions at once."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from partnerhub.web.forms import RefusableForm
from subscriptions.bulk_file import FileUnreadable, Line, read_lines
from subscriptions.services.bulk import Act

LARGEST_QUANTITY = 2_147_483_647


def _reason(required: bool) -> forms.CharField:
    return forms.CharField(
        label=_("Reason"),
        max_length=500,
        required=required,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Goes on record in the timeline."),
    )


class BulkForm(RefusableForm):
    """One new value for all of them; `asked` says it as a row of a job keeps it."""

    def asked(self) -> dict[str, Any]:
        """What a valid form asks of each subscription."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}

    def why(self) -> str:
        """The reason that a valid form gives; empty for what needs none."""
        return str(self.cleaned_data.get("reason", ""))


class NicknameForAll(BulkForm):
    nickname = forms.CharField(label=_("Nickname"), max_length=200, help_text=_("The same for every one of them."))


class AutoRenewForAll(BulkForm):
    auto_renew = forms.TypedChoiceField(
        label=_("Auto-renew"),
        choices=[("on", _("On")), ("off", _("Off"))],
        coerce=lambda word: word == "on",
        widget=forms.RadioSelect,
        initial="on",
    )
    reason = _reason(required=False)


class PartnerIdForAll(BulkForm):
    partner_id = forms.CharField(
        label=_("Indirect reseller PartnerID"),
        max_length=16,
        required=False,
        help_text=_("Empty: no indirect reseller takes part any more."),
    )
    reason = _reason(required=False)


class QuantityForAll(BulkForm):
    quantity = forms.IntegerField(
        label=_("Quantity (licences)"),
        min_value=1,
        max_value=LARGEST_QUANTITY,
        help_text=_("The new quantity of every one of them. For different quantities use a file."),
    )
    reason = _reason(required=False)


class PollForAll(BulkForm):
    def asked(self) -> dict[str, Any]:
        return {Act.POLL.value: True}


class CancelForAll(BulkForm):
    reason = _reason(required=True)

    def asked(self) -> dict[str, Any]:
        return {Act.CANCEL.value: True}


FORMS: dict[Act, type[BulkForm]] = {
    Act.NICKNAME: NicknameForAll,
    Act.AUTO_RENEW: AutoRenewForAll,
    Act.PARTNER_ID: PartnerIdForAll,
    Act.QUANTITY: QuantityForAll,
    Act.POLL: PollForAll,
    Act.CANCEL: CancelForAll,
}


class FileForm(RefusableForm):
    """A file of new values; `lines` are what it says once the form is valid."""

    file = forms.FileField(label=_("CSV file"), widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))
    reason = _reason(required=False)

    lines: list[Line] = []

    def clean_file(self) -> Any:
        uploaded = self.cleaned_data["file"]
        try:
            self.lines = read_lines(uploaded.read())
        except FileUnreadable as problem:
            raise forms.ValidationError(gettext(str(problem))) from None
        return uploaded
