"""Shapes of what agents type or upload about billing."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from billing.services.statements import LONGEST_ID
from billing.statement_file import LARGEST_FILE
from partnerhub.web.forms import RefusableForm
from publishers.models import Publisher


class StatementForm(RefusableForm):
    """A publisher's statement as a file. What stands in it is read by the view."""

    publisher = forms.ModelChoiceField(
        Publisher.objects.order_by("name"), label=_("Publisher"), empty_label=_("Choose")
    )
    statement_id = forms.CharField(
        label=_("Statement"),
        max_length=LONGEST_ID,
        help_text=_("The publisher's own number of it. The same number again replaces what was imported before."),
    )
    file = forms.FileField(
        label=_("CSV or XLSX file"),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}),
        help_text=_("Needed columns: subscriptionId, period (2026-11), quantity, amount before tax, currency."),
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        uploaded: UploadedFile[bytes] = self.cleaned_data["file"]
        if (uploaded.size or 0) > LARGEST_FILE:
            raise ValidationError(_("The file is larger than 20 MB."))
        return uploaded

    def unreadable(self, problems: list[str]) -> None:
        """Show why the file cannot be read, line by line."""
        self.add_error("file", [ValidationError(problem) for problem in problems])

    @property
    def statement(self) -> dict[str, Any]:
        """What the service is given."""
        return {"publisher_id": self.cleaned_data["publisher"].pk, "statement_id": self.cleaned_data["statement_id"]}
