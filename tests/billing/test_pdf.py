"""The document of an invoice: complete, in two languages, and data is never markup."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from uuid import uuid4

import pytest

from billing.enums import InvoiceKind, TaxReason
from billing.models import Charge, Invoice, InvoiceLine
from billing.pdf import document, file_name, set_document

SELLER = {
    "name": "Chmura Partnerska sp. z o.o.",
    "address": "ul. Rejowa 8; 31-143 Kraków",
    "vat_id": "PL1199900015",
    "country": "PL",
    "bank_account": "PL61 1090 1014 0000 0712 1981 2874",
}
BUYER = {
    "name": "Müller & Söhne GmbH",
    "address_line": "Hauptstraße 1",
    "postal_code": "10115",
    "city": "Berlin",
    "region": "",
    "country": "DE",
    "vat_id": "DE123456789",
}


def line(number: int, net: str, rate: str, tax: str, reason: TaxReason, **charged) -> InvoiceLine:
    charge = Charge(
        **{
            "id": uuid4(),
            "charge_type": "cycleCharge",
            "period_start": date(2026, 11, 3),
            "period_end": date(2026, 12, 3),
            "billing_days": 30,
            "cycle_days": 30,
            "quantity": 7,
            "unit_price": Decimal("10.0800"),
            "effective_unit_price": Decimal("10.0800"),
            "amount": Decimal(net),
            **charged,
        }
    )
    names = {"publisher": "Contoso", "offer": "Backup", "plan": "Premium", "nickname": "Team #evil() *x*"}
    taxed = {"tax_rate": Decimal(rate), "tax": Decimal(tax), "tax_reason": reason}
    return InvoiceLine(position=number, charge=charge, description=names, net=Decimal(net), **taxed)


def invoice(lines: list[InvoiceLine], **given) -> Invoice:
    net, tax = (sum((getattr(one, name) for one in lines), Decimal(0)) for name in ("net", "tax"))
    values = {
        "kind": InvoiceKind.INVOICE,
        "currency": "EUR",
        "period_start": date(2026, 11, 1),
        "period_end": date(2026, 12, 1),
        "net": net,
        "tax": tax,
        "gross": net + tax,
        "buyer": BUYER,
        "seller": SELLER,
        "language": "en",
        "number": "FV000000012",
        "issued_on": date(2026, 12, 7),
        "due_on": date(2027, 2, 5),
        "drafted_at": datetime(2026, 12, 1, tzinfo=UTC),
        "local_currency": "PLN",
        "local_rate": Decimal("4.251200"),
        "local_rate_on": date(2026, 12, 4),
        "local_rate_source": "NBP 234/A",
        "local_net": Decimal("300.00"),
        "local_tax": Decimal("68.99"),
    }
    return Invoice(**values | given)


MIXED = [
    line(1, "70.5600", "23", "16.2200", TaxReason.DOMESTIC),
    line(2, "-9.4080", "23", "-2.1600", TaxReason.DOMESTIC, billing_days=28, effective_unit_price=Decimal("-9.4080")),
    line(3, "1234.5600", "0", "0", TaxReason.REVERSE_CHARGE),
]


def test_figures_in_the_buyers_language():
    told = document(invoice(MIXED), MIXED, "pl")

    assert (told["kind"], told["due"]) == ("Faktura", "1\u00a0309,77\u00a0€")
    assert [row["net"] for row in told["lines"]] == ["70,56", "−9,40", "1\u00a0234,56"]
    assert told["lines"][1]["notes"][-1] == "28 z 30 dni, po 9,4080"
    assert told["taxes"] == [
        {"rate": "NP", "net": "1\u00a0234,56", "tax": "0,00", "gross": "1\u00a0234,56"},
        {"rate": "23%", "net": "61,15", "tax": "14,06", "gross": "75,21"},
    ]
    assert told["seller"]["lines"] == ["ul. Rejowa 8", "31-143 Kraków", "NIP: PL1199900015"]
    assert told["notes"][1] == "VAT w PLN: 68,99\u00a0zł, po kursie 1 EUR = 4,2512 PLN (NBP 234/A, 4.12.2026)"


def test_a_credit_note_names_its_invoice_and_asks_for_nothing():
    credited = [line(1, "-70.5600", "23", "-16.2200", TaxReason.DOMESTIC, charge_type="customerCredit")]
    about = invoice(MIXED, number="FV000000009", issued_on=date(2026, 11, 7))
    note = invoice(credited, kind=InvoiceKind.CREDIT_NOTE, credits=about, reason="Twice", number="FK000000001")

    told = document(note, credited, "en")

    assert (told["title"], told["reason"], told["due"]) == ("Credit note FK000000001", "Twice", "−€86.78")
    facts = {fact["term"]: fact["value"] for fact in told["facts"]}
    assert (facts["Corrects invoice"], facts["Issued on"], facts.get("Due")) == ("FV000000009", "7 Nov 2026", None)
    assert told["payment"] == []


@pytest.mark.parametrize("language", ["en", "pl"])
def test_two_hundred_lines_with_long_names_are_set_the_same_each_time(language):
    numbers = count(1)
    lines = [line(next(numbers), "70.5600", "23", "16.2200", TaxReason.DOMESTIC) for _ in range(200)]
    found = invoice(lines, buyer=BUYER | {"name": "Przedsiębiorstwo Zażółć Gęślą Jaźń " + "x" * 160})

    first = set_document(document(found, lines, language), found)

    assert first.startswith(b"%PDF-")
    assert b"pdfaid" in first
    assert first == set_document(document(found, lines, language), found)


def test_letters_that_the_font_lacks_do_not_keep_it_from_being_set():
    found = invoice(MIXED, buyer=BUYER | {"name": "株式会社 🚀"})

    assert set_document(document(found, MIXED, "en"), found).startswith(b"%PDF-")


def test_what_people_typed_is_text_and_never_code():
    told = document(invoice(MIXED), MIXED, "en")
    told["reason"] = '#panic("evil") #read("/etc/passwd") $ \\ ] }'
    told["buyer"]["name"] = '"); #evil('

    assert set_document(told, invoice(MIXED)).startswith(b"%PDF-")


def test_a_draft_says_that_it_is_one():
    found = invoice(MIXED, number=None, issued_on=None, due_on=None, local_rate=None)

    told = document(found, MIXED, "en")

    assert (told["number"], told["watermark"], told["payment"]) == ("Draft", "DRAFT", [])
    assert file_name(found) == "draft-2026-11-EUR.pdf"
