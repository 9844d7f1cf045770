"""The reconciliation file: Partner Center's columns, a line in one month at a time."""

import csv
import io
import resource
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from python_calamine import CalamineWorkbook

from accounts.policy import SYSTEM
from billing.api.lines import line_items
from billing.invoicing import bill
from billing.models import Charge
from billing.reconciliation import COLUMNS
from customers.models import Customer
from publishers.models import Offer, Plan, Publisher
from tests.factories.billing import to_quantity
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db


def exported(period: str = "2026-11") -> list[dict[str, str]]:
    out = io.StringIO()
    call_command("export_reconciliation", period=period, stdout=out)
    return list(csv.DictReader(io.StringIO(out.getvalue().removeprefix("\ufeff"))))


def test_a_change_shows_both_its_lines_with_inclusive_days():
    subscription = active()
    to_quantity(subscription, 9, NOON + timedelta(days=2))
    first, credited, anew = Charge.objects.order_by("sequence")

    rows = exported()

    names = ["ChargeType", "Quantity", "Subtotal", "ChargeStartDate", "ChargeEndDate", "ReferenceID", "ChargeId"]
    assert [[row[name] for name in names] for row in rows] == [
        ["new", "7", "70.56", "2026-11-23", "2026-12-22", "", str(first.pk)],
        ["addQuantity", "7", "-65.85", "2026-11-25", "2026-12-22", str(credited.reference_id), str(credited.pk)],
        ["addQuantity", "9", "84.67", "2026-11-25", "2026-12-22", str(credited.reference_id), str(anew.pk)],
    ]
    line = subscription.order_line
    told = {
        "CustomerId": str(subscription.customer_id),
        "CustomerDomainName": subscription.customer.domain,
        "InvoiceNumber": "",
        "MPNID": "1234567",
        "OrderId": str(line.order_id),
        "AlternateId": line.order.number,
        "ProductId": subscription.offer.product_id,
        "SkuId": "0001",
        "UnitPrice": "10.0800",
        "EffectiveUnitPrice": "9.4080",
        "TaxTotal": "",
        "Currency": "EUR",
        "TermAndBillingCycle": "1 Month, Monthly",
        "SubscriptionStartDate": "2026-11-23",
        "SubscriptionEndDate": "2026-12-22",
        "SubscriptionId": str(subscription.pk),
        "ConsoleSubscriptionId": str(subscription.pk),
    }
    assert {name: rows[2][name] for name in told} == told


def test_a_file_holds_its_month_and_neutral_text(tmp_path):
    active(customer=CustomerFactory(name="=cmd|' /C calc'!A0"))
    active(at=NOON + timedelta(days=10))

    november, december = exported(), exported("2026-12")
    call_command("export_reconciliation", period="2026-11", format="xlsx", output=str(tmp_path / "november.xlsx"))
    sheet = CalamineWorkbook.from_path(tmp_path / "november.xlsx").get_sheet_by_index(0).to_python()

    assert [row["ChargeStartDate"] for row in november + december] == ["2026-11-23", "2026-12-03"]
    assert november[0]["CustomerName"] == "'=cmd|' /C calc'!A0"
    assert (len(sheet), tuple(sheet[0])) == (2, COLUMNS)
    assert sheet[1][COLUMNS.index("Subtotal")] == 70.56


def test_one_query_however_many_lines(django_assert_num_queries):
    for _ in range(3):
        active()
    with django_assert_num_queries(1):
        assert len(exported()) == 3


@pytest.mark.usefixtures("billing_data")
def test_names_are_those_of_the_invoice_in_the_file_and_in_the_api():
    customer = CustomerFactory(country="PL", currency="PLN", name="Before", domain="before.example")
    subscription = active(customer=customer, term=PlanTermFactory(amounts={"PLN": "10.08"}, plan__title="Team"))
    told = ["Before", "before.example", "PL", "Team", subscription.offer.title, subscription.publisher.name]
    bill(SYSTEM, as_of=date(2026, 12, 7), at=datetime(2026, 12, 1, tzinfo=UTC))
    Customer.objects.update(name="After", domain="after.example", country="DE")
    Plan.objects.update(title="Renamed")
    Offer.objects.update(title="Renamed")
    Publisher.objects.update(name="Renamed")
    row, item = exported()[0], line_items([Charge.objects.get().pk])[0]

    names = ["CustomerName", "CustomerDomainName", "CustomerCountry", "SkuName", "ProductName", "PublisherName"]
    assert [row[name] for name in names] == [item[name[:1].lower() + name[1:]] for name in names] == told


def test_a_folder_that_is_not_there_is_named(tmp_path):
    for form in ("csv", "xlsx"):
        target = tmp_path / "missing" / form
        with pytest.raises(CommandError, match=f"--output {target} cannot be written: No such file or directory"):
            call_command("export_reconciliation", period="2026-11", format=form, output=str(target))


def test_a_full_disk_leaves_what_was_there_and_nothing_half(tmp_path):
    active()
    target = tmp_path / "november.csv"
    target.write_text("October", encoding="utf-8")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(CommandError, match=f"--output {target} cannot be written: File too large"):
            call_command("export_reconciliation", period="2026-11", output=str(target))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (target.read_text(encoding="utf-8"), list(tmp_path.iterdir())) == ("October", [target])


@pytest.mark.parametrize("period", ["2026-13", "November", "2026-11-01"])
def test_what_is_no_month_is_refused(period):
    with pytest.raises(CommandError, match="a month such as 2026-11 is expected"):
        exported(period)
