"""Shapes of what agents type, or put into a CSV file, about customers and resellers."""

from collections.abc import Collection
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import DomainNameValidator, RegexValidator
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _

from customers.countries import COUNTRIES
from customers.models import Customer, IndirectReseller
from customers.services.checks import LONGEST_REASON
from customers.services.customers import PROFILE_FIELDS, CustomerProfile
from partnerhub.errors import (
    CurrencyInUse,
    DomainTaken,
    PartnerIdTaken,
    ResellerAgreementMissing,
    ResellerIsProvider,
    ResellerUnknown,
    VatIdInvalid,
)
from partnerhub.web.forms import ComparedForm, RefusableForm
from partnerhub.web.uploads import LARGEST_FILE, Line, UnreadableTable, read_table


class LineField(forms.CharField):
    """One line of text: line breaks and runs of spaces become one space, what cannot be printed is refused."""

    def to_python(self, value: Any) -> str:
        line = " ".join(str(value or "").split())
        if not line.isprintable():
            raise ValidationError(_("It holds characters that cannot be printed."))
        return line


class CountryField(LineField):
    def to_python(self, value: Any) -> str:
        code = super().to_python(value).upper()
        if code and code not in COUNTRIES:
            raise ValidationError(translated("{code} is not the code of a country.").format(code=code[:50]))
        return code


class CurrencyField(LineField):
    default_validators = [RegexValidator(r"^[A-Z]{3}\Z", _("Three letters are expected, for example EUR."))]

    def to_python(self, value: Any) -> str:
        return super().to_python(value).upper()


class DomainField(LineField):
    default_validators = [DomainNameValidator(message=_("This is not a domain name, as in firma.example."))]

    def to_python(self, value: Any) -> str:
        return super().to_python(value).lower()


class CustomerFields(RefusableForm):
    name = LineField(label=_("Company name"), max_length=200)
    domain = DomainField(label=_("Domain"), max_length=200, help_text=_("Each customer has its own."))
    vat_id = LineField(
        label=_("VAT ID"),
        max_length=40,
        required=False,
        help_text=_("Its form and check digit are checked by the rules of the country."),
    )
    partner_id = LineField(
        label=_("Indirect reseller PartnerID"),
        max_length=16,
        required=False,
        help_text=_("The reseller this customer came through."),
        widget=forms.TextInput(attrs={"list": "resellers", "inputmode": "numeric"}),
    )
    country = CountryField(label=_("Country"), max_length=2, help_text=_("Two letters, for example PL."))
    currency = CurrencyField(label=_("Currency"), max_length=3, help_text=_("Three letters, for example EUR."))
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    billing_first_name = LineField(label=_("First name"), max_length=100)
    billing_last_name = LineField(label=_("Last name"), max_length=100)
    billing_email = forms.EmailField(label=_("E-mail for invoices"), max_length=254)
    address_line = LineField(label=_("Street and number"), max_length=200)
    postal_code = LineField(label=_("Postal code"), max_length=20)
    city = LineField(label=_("City"), max_length=100)
    region = LineField(label=_("Region or state"), max_length=100, required=False)
    beneficiary_name = LineField(label=_("Name of the beneficiary"), max_length=200)
    beneficiary_email = forms.EmailField(
        label=_("E-mail of the beneficiary"),
        max_length=254,
        help_text=_("The person at the customer who uses what is bought; the publisher gets to know them."),
    )

    refused_at = {
        VatIdInvalid: "vat_id",
        DomainTaken: "domain",
        CurrencyInUse: "currency",
        ResellerUnknown: "partner_id",
        ResellerIsProvider: "partner_id",
        ResellerAgreementMissing: "partner_id",
    }

    def profile(self) -> CustomerProfile:
        """The profile that a valid form asks for."""
        return CustomerProfile(**{name: self.cleaned_data[name] for name in PROFILE_FIELDS})


class CustomerForm(CustomerFields, ComparedForm):
    """A customer as somebody saw it."""

    def explain(self, live: int) -> None:
        """Say what a change of country means, and keep the currency while `live` subscriptions are billed in it."""
        self.fields["country"].help_text = _(
            "Two letters. Another country decides what can be bought next and how the VAT ID is checked; "
            "what was bought stays as it is."
        )
        if live:
            self.fields["currency"].widget.attrs["readonly"] = True
            self.fields["currency"].help_text = _("It cannot change while subscriptions live ({count}).").format(
                count=live
            )


def customer_values(customer: Customer) -> dict[str, str]:
    """A customer as its form shows it."""
    return {name: str(getattr(customer, name)) for name in PROFILE_FIELDS} | {"partner_id": customer.reseller_id or ""}


class ResellerFields(RefusableForm):
    name = LineField(label=_("Company name"), max_length=200)
    country = CountryField(label=_("Country"), max_length=2, help_text=_("Two letters, for example PL."))
    agreement_signed_on = forms.DateField(
        label=_("Agreement signed on"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("A date is expected, for example 2026-11-23.")},
        help_text=_("Until it is signed, no purchase may name this reseller."),
    )

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at = at

    def clean_agreement_signed_on(self) -> datetime | None:
        day = self.cleaned_data["agreement_signed_on"]
        if day is None:
            return None
        if day > self.at.astimezone(UTC).date():
            raise ValidationError(_("This day has not come yet."))
        return datetime.combine(day, time(), UTC)

    def known(self) -> dict[str, Any]:
        """What a valid form says of the reseller, by the names of the services' arguments."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "country": given["country"],
            "agreement_signed_at": given["agreement_signed_on"],
        }


class NewResellerForm(ResellerFields):
    partner_id = LineField(
        label=_("PartnerID"),
        max_length=16,
        validators=[RegexValidator(r"^[0-9]{4,16}\Z", _("4 to 16 digits are expected."))],
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text=_("4 to 16 digits. It cannot be changed later."),
    )
    field_order = ["partner_id"]

    refused_at = {PartnerIdTaken: "partner_id", ResellerIsProvider: "partner_id"}


class ResellerForm(ResellerFields, ComparedForm):
    """A reseller as somebody saw it."""


def reseller_values(reseller: IndirectReseller) -> dict[str, str]:
    """A reseller as its form shows it."""
    signed = reseller.agreement_signed_at
    return {
        "name": reseller.name,
        "country": reseller.country,
        "agreement_signed_on": signed.astimezone(UTC).date().isoformat() if signed else "",
    }


class ReasonForm(RefusableForm):
    """An act that goes on record with its reason, on a row as somebody saw it."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Goes on record in the timeline."),
    )

    def reopen(self, version: int) -> None:
        """Keep what was typed over the version that stands now, so that sending it once more is a decision."""
        self.data = {**self.data, "version": str(version)}


class ImportForm(RefusableForm):
    """A file of rows; `lines` are what it says once the form is valid."""

    file = forms.FileField(label=_("CSV file"), widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))
    all_or_none = forms.BooleanField(
        label=_("All rows or none"),
        required=False,
        help_text=_("While one row is refused, nothing can be applied. Otherwise the rows that fit are applied."),
    )

    lines: list[Line] = []

    def __init__(self, *args: Any, columns: Collection[str], required: Collection[str], most: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self.columns, self.required, self.most = columns, required, most

    def clean_file(self) -> "UploadedFile[bytes]":
        uploaded: UploadedFile[bytes] = self.cleaned_data["file"]
        content = uploaded.read(LARGEST_FILE + 1)
        try:
            self.lines = read_table(content, columns=self.columns, required=self.required, most=self.most)
        except UnreadableTable as problem:
            raise ValidationError(str(problem)) from None
        return uploaded
