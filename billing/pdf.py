"""Invoices and credit notes as PDF, in English or Polish: made on demand, always the same from the same row.

What was kept when it was finalized is all that goes in; typst gets it as data, so nobody's name is ever markup.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import typst
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import override, pgettext

from billing.enums import InvoiceKind, TaxReason
from billing.models import Invoice, InvoiceLine
from billing.proration import FOUR_PLACES
from billing.words import KIND, TAX_REASON, charge_kind, charge_part, charge_share
from partnerhub.money import smallest_unit
from partnerhub.web.templatetags.hub import MINUS, day_text, money_text

DOCUMENTS = Path(__file__).parent / "documents"
LANGUAGES = ("en", "pl")
# An archive's kind of PDF; a name in letters that its font lacks keeps a document from being one.
ARCHIVED: Literal["a-3b"] = "a-3b"
_ZERO = Decimal(0)


def pdf_of(invoice: Invoice, language: str = "") -> bytes:
    """An invoice as PDF, in its own language unless another is given; a draft says that it is one."""
    return set_document(document(invoice, lines_of(invoice), language or invoice.language), invoice)


def lines_of(invoice: Invoice) -> list[InvoiceLine]:
    """The lines of an invoice with their charges, in order."""
    return list(invoice.lines.select_related("charge__cause").order_by("position"))


def file_name(invoice: Invoice) -> str:
    """How the file is called: by the number, a draft by its month."""
    return f"{invoice.number or f'draft-{invoice.period_start:%Y-%m}-{invoice.currency}'}.pdf"


def set_document(data: dict[str, Any], invoice: Invoice) -> bytes:
    """What `document` says, as PDF; dated by the invoice, so that it is the same each time."""
    moment = int(datetime.combine(_day_of(invoice), time(), UTC).timestamp())
    given = {"data": json.dumps(data, ensure_ascii=False)}
    try:
        return _compiled(given, moment, [ARCHIVED])
    except typst.TypstError:
        return _compiled(given, moment, [])


def _compiled(given: dict[str, str], moment: int, standards: list[Literal["a-3b"]]) -> bytes:
    return typst.compile(
        DOCUMENTS / "invoice.typ",
        root=DOCUMENTS,
        ignore_system_fonts=True,
        sys_inputs=given,
        pdf_standards=[*standards],
        timestamp=moment,
    )


def document(invoice: Invoice, lines: Sequence[InvoiceLine], language: str) -> dict[str, Any]:
    """Everything that the document says, in the words and figures of a language."""
    with override(language if language in LANGUAGES else "en"):
        day = _day_of(invoice)
        return {
            "language": language if language in LANGUAGES else "en",
            "day": {"year": day.year, "month": day.month, "day": day.day},
            "title": f"{KIND[InvoiceKind(invoice.kind)]} {invoice.number or ''}".strip(),
            "kind": str(KIND[InvoiceKind(invoice.kind)]),
            "number": invoice.number or pgettext("invoice", "Draft"),
            "watermark": "" if invoice.number else pgettext("invoice", "Draft").upper(),
            "reason": invoice.reason,
            "seller": _seller(invoice.seller),
            "buyer": _buyer(invoice.buyer),
            "facts": _facts(invoice),
            "words": _words(invoice),
            "headings": [
                "#", _("Description"), _("Quantity"), _("Unit price"), _("Net amount"), _("VAT rate"), _("VAT")
            ],
            "lines": [_line(line, invoice.currency) for line in lines],
            **_taxes(invoice, lines),
            "due": money_text(invoice.gross, invoice.currency),
            "notes": _notes(invoice, lines),
            "payment": _payment(invoice),
            "publishers": ", ".join(sorted({line.description["publisher"] for line in lines})),
        }  # fmt: skip


def _day_of(invoice: Invoice) -> date:
    return invoice.issued_on or invoice.drafted_at.astimezone(UTC).date()


def _words(invoice: Invoice) -> dict[str, str]:
    is_credit = invoice.kind == InvoiceKind.CREDIT_NOTE
    return {
        "page": _("Page"),
        "seller": _("Seller"),
        "buyer": _("Buyer"),
        "reason": _("Reason for the correction"),
        "due": _("Credited in total") if is_credit else _("Total due"),
        "payment": _("Payment"),
        "publishers": _("Publishers of the services on this document"),
    }


def _seller(seller: dict[str, str]) -> dict[str, Any]:
    lines = [part.strip() for part in seller["address"].split(";")]
    return {"name": seller["name"], "lines": [*lines, *_tax_id(seller)]}


def _buyer(buyer: dict[str, str]) -> dict[str, Any]:
    place = " ".join(filter(None, [buyer["postal_code"], buyer["city"]]))
    lines = [buyer["address_line"], place, buyer["region"], buyer["country"]]
    return {"name": buyer["name"], "lines": [*filter(None, lines), *_tax_id(buyer)]}


def _tax_id(profile: dict[str, str]) -> list[str]:
    if not profile["vat_id"]:
        return []
    # In Poland the number has a name of its own, in any language.
    name = "NIP" if profile["country"] == "PL" else _("VAT ID")
    return [f"{name}: {profile['vat_id']}"]


def _facts(invoice: Invoice) -> list[dict[str, str]]:
    last_day = invoice.period_end - timedelta(days=1)
    credits = invoice.credits
    due_on = invoice.due_on if invoice.kind == InvoiceKind.INVOICE else None
    facts = [
        (_("Issued"), invoice.issued_on and day_text(invoice.issued_on)),
        (pgettext("invoice", "Due"), due_on and day_text(due_on)),
        (_("Period"), f"{day_text(invoice.period_start)} – {day_text(last_day)}"),
        (_("Corrects invoice"), credits and credits.number),
        (_("Issued on"), credits and credits.issued_on and day_text(credits.issued_on)),
        (_("Currency"), invoice.currency),
    ]
    return _told(facts)


def _told(facts: Iterable[tuple[str, Any]]) -> list[dict[str, str]]:
    return [{"term": term, "value": str(value)} for term, value in facts if value]


def _line(line: InvoiceLine, currency: str) -> dict[str, Any]:
    charge, names = line.charge, line.description
    kind, part = charge_kind(charge), charge_part(charge)
    last_day = charge.period_end - timedelta(days=1)
    what = f"{kind}: {part}" if part else kind
    notes = [names["nickname"], f"{what}, {day_text(charge.period_start)} – {day_text(last_day)}", charge_share(charge)]
    return {
        "position": str(line.position),
        "name": f"{names['offer']} · {names['plan']}",
        "notes": [note for note in notes if note],
        "quantity": number_format(charge.quantity, force_grouping=True),
        "unit_price": _price(charge.unit_price, currency),
        "net": _figure(line.net, currency),
        "rate": _rate(line.tax_rate, TaxReason(line.tax_reason)),
        "tax": _figure(line.tax, currency),
    }


def _figure(amount: Decimal, currency: str, unit: Decimal | None = None) -> str:
    """An amount without its currency, which the document names once; down to the currency's smallest unit or `unit`."""
    exponent = (unit or smallest_unit(currency)).as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) else 2
    figure = number_format(abs(amount), decimal_pos=digits, use_l10n=True, force_grouping=True)
    return f"{MINUS}{figure}" if amount < 0 else figure


def _price(amount: Decimal, currency: str) -> str:
    """A unit price, which may be finer than the currency's smallest unit."""
    is_fine = amount % smallest_unit(currency) != 0
    return _figure(amount, currency, FOUR_PLACES if is_fine else None)


def _rate(rate: Decimal, reason: TaxReason) -> str:
    if reason == TaxReason.REVERSE_CHARGE:
        return pgettext("VAT rate", "RC")
    if reason in (TaxReason.EXPORT, TaxReason.OUT_OF_SCOPE):
        return pgettext("VAT rate", "n/a")
    return f"{number_format(rate.normalize() if rate % 1 else int(rate))}%"


def _taxes(invoice: Invoice, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """The sums by rate and reason, and of all."""
    sums: dict[tuple[Decimal, str], list[Decimal]] = {}
    for line in lines:
        found = sums.setdefault((line.tax_rate, line.tax_reason), [_ZERO, _ZERO])
        found[0] += line.net
        found[1] += line.tax
    rows = [(_rate(rate, TaxReason(reason)), net, tax) for (rate, reason), (net, tax) in sorted(sums.items())]
    return {
        "tax_headings": [_("VAT rate"), _("Net amount"), _("VAT"), _("Gross amount")],
        "taxes": [
            {"rate": rate} | _amounts({"net": net, "tax": tax, "gross": net + tax}, invoice.currency)
            for rate, net, tax in rows
        ],
        "totals": [
            _("Total"),
            *(_figure(amount, invoice.currency) for amount in (invoice.net, invoice.tax, invoice.gross)),
        ],
    }


def _amounts(amounts: dict[str, Decimal], currency: str) -> dict[str, str]:
    return {name: _figure(amount, currency) for name, amount in amounts.items()}


def _notes(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[str]:
    untaxed = {TaxReason.REVERSE_CHARGE, TaxReason.EXPORT, TaxReason.OUT_OF_SCOPE}
    reasons = [reason for reason in TaxReason if reason in untaxed and any(line.tax_reason == reason for line in lines)]
    notes = [f"{_rate(_ZERO, reason)}: {TAX_REASON[reason]}" for reason in reasons]
    if invoice.local_rate is not None and invoice.local_tax is not None and invoice.local_rate_on is not None:
        told = _("VAT in {currency}: {tax}, at 1 {foreign} = {rate} {currency} ({source}, {day})")
        notes.append(
            told.format(
                currency=invoice.local_currency,
                tax=money_text(invoice.local_tax, invoice.local_currency),
                foreign=invoice.currency,
                rate=number_format(invoice.local_rate, decimal_pos=4),
                source=invoice.local_rate_source,
                day=day_text(invoice.local_rate_on),
            )
        )
    return notes


def _payment(invoice: Invoice) -> list[dict[str, str]]:
    """How to pay: nothing on a draft, nor where nothing is owed."""
    if invoice.due_on is None or invoice.gross <= 0:
        return []
    return _told(
        [
            (_("Bank account"), invoice.seller["bank_account"]),
            (pgettext("invoice", "Due"), day_text(invoice.due_on)),
            (_("Payment reference"), invoice.number),
        ]
    )
