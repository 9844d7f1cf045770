"""Nobody can cheat an invoice: the database refuses, and what gets past it is found, also without the hub."""

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction

from accounts.policy import SYSTEM
from billing.invoicing import bill
from billing.models import Invoice, InvoiceSeries
from billing.services.crediting import credit
from billing.services.invoices import mark_paid, void
from billing.services.numbering import content
from partnerhub.outbox.recorder import digest
from tests.factories.billing import ADMIN
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("billing_data")]
JUNE_18, JULY_7 = datetime(2026, 6, 18, 12, tzinfo=UTC), datetime(2026, 7, 7, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def bought(**profile) -> None:
    customer = CustomerFactory(country="PL", currency="PLN", **profile)
    active(JUNE_18, customer=customer, term=PlanTermFactory(amounts={"PLN": "10.08"}), quantity=10)


@pytest.fixture
def billed():
    """Two invoices with numbers, a credit note on the second, a draft and a dropped one."""
    for _ in range(4):
        bought()
    bill(SYSTEM, as_of=date(2026, 7, 1), at=datetime(2026, 7, 1, tzinfo=UTC))
    first, second, dropped, draft = Invoice.objects.order_by("id")
    Invoice.objects.filter(pk__in=[dropped.pk, draft.pk]).update(state="held")
    bill(SYSTEM, as_of=date(2026, 7, 7), at=JULY_7)
    void(ADMIN, dropped.pk, reason="", at=JULY_7)
    credit(ADMIN, second.pk, reason="", at=JULY_7)
    mark_paid(ADMIN, first.pk, reference="77", at=JULY_7)
    Invoice.objects.filter(pk=draft.pk).update(state="draft")
    return first, second, draft


@transaction.atomic
def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


FINAL = "UPDATE billing_invoice SET {} WHERE number = 'G000000001'"
DRAFT = "UPDATE billing_invoice SET {} WHERE state = 'draft'"
NUMBERED = (
    "state = 'finalized', serial = {0}, number = 'G' || {0}, issued_on = '{1}', due_on = '2027-01-01', "
    "finalized_at = now(), hash = repeat('0', 64), previous_hash = '{2}'"
)
NOTE = (
    "kind = 'credit_note', net = -1, tax = 0, gross = -1, "
    "credits_id = (SELECT id FROM billing_invoice WHERE number = 'G000000002'), "
)
LINE = (
    "INSERT INTO billing_invoiceline (invoice_id, position, charge_id, stands, description, net, tax_rate, tax, "
    "tax_reason) SELECT draft.id, {}, line.charge_id, true, '{{}}', {}, 23, {}, 'domestic' "
    "FROM billing_invoice draft, billing_invoiceline line JOIN billing_invoice dropped ON dropped.id = line.invoice_id "
    "WHERE draft.state = '{}' AND dropped.state = '{}'"
)
CHEATS = [
    (FINAL.format("gross = 1, net = 0, tax = 1"), "invoice_final_never_changes"),
    (FINAL.format("due_on = due_on + 1"), "invoice_final_never_changes"),
    (FINAL.format("state = 'void'"), "invoice_final_never_changes"),
    (FINAL.format("paid_by = ''"), "invoice_paid_when_finalized"),
    ("UPDATE billing_invoice SET state = 'draft' WHERE state = 'void'", "invoice_final_never_changes"),
    ("DELETE FROM billing_invoice", "Cannot delete"),
    ("DELETE FROM billing_invoiceline", "Cannot delete"),
    ("UPDATE billing_invoiceline SET net = net", "invoice_line_never_changes"),
    ("UPDATE billing_invoiceline SET stands = false", "invoice_line_never_changes"),
    ("UPDATE billing_invoiceseries SET last_serial = 1", "Cannot update"),
    ("DELETE FROM billing_invoiceseries", "Cannot delete"),
    (DRAFT.format("gross = gross + 1"), "invoice_gross_is_net_and_tax"),
    (DRAFT.format("paid_at = now(), paid_by = 'me'"), "invoice_paid_when_finalized"),
    (DRAFT.format("number = 'G000000009'"), "invoice_numbered_when_finalized"),
    (DRAFT.format(NUMBERED.format(4, "2026-07-08", "")), "invoice_numbers_without_gaps"),
    (DRAFT.format(NUMBERED.format(2, "2026-07-08", "")), "invoice_serial_once"),
    (DRAFT.format("kind = 'credit_note'"), "invoice_credit_note_credits_an_invoice"),
    (DRAFT.format(NOTE + NUMBERED.format(2, "2026-07-08", "")), "credit_note_within_its_invoice"),
    (LINE.format(2, "line.net", "line.tax", "draft", "finalized"), "charge_on_one_invoice"),
    (LINE.format(2, "line.net + 1", "line.tax", "draft", "void"), "invoice_line_is_its_charge"),
    (LINE.format(2, "line.net", "line.tax", "draft", "void"), "invoice_line_is_its_charge"),
    (LINE.format(2, "line.net", "line.net", "draft", "void"), "invoice_line_tax_within_its_rate"),
    (LINE.format(1, "line.net", "line.tax", "draft", "void"), "invoice_line_position_once"),
    (
        "INSERT INTO billing_taxrate (country, rate, valid_from) VALUES ('PL', 8, '2026-01-01')",
        "tax_rate_unambiguous",
    ),
    ("INSERT INTO billing_taxrate (country, rate, valid_from) VALUES ('GB', 101, now())", "tax_rate_is_a_percentage"),
]


def test_the_database_refuses_each_cheat(billed):
    before = list(Invoice.objects.order_by("id").values())
    for sql, constraint in CHEATS:
        with pytest.raises(Error) as refusal:
            run(sql)
        assert constraint in str(refusal.value), sql
    assert list(Invoice.objects.order_by("id").values()) == before


def test_a_number_whose_lines_do_not_add_up_is_refused(billed):
    newest = Invoice.objects.get(number="G000000002")
    net = "net = net + 1, gross = gross + 1, "
    with pytest.raises(Error) as refusal:
        run(DRAFT.format(net + NUMBERED.format(3, "2026-07-08", newest.hash)))
    assert "invoice_adds_up" in str(refusal.value)
    assert InvoiceSeries.objects.get(pk="invoice").last_serial == 2


@contextmanager
def without_triggers():
    """As a superuser may; rolled back at the end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
        transaction.set_rollback(True)


def verified() -> str:
    out = StringIO()
    try:
        call_command("verify_ledger", stdout=out)
    except CommandError as refusal:
        return str(refusal)
    return out.getvalue()


INVOICE, OF_LINE = (
    "UPDATE billing_invoice SET {} WHERE id = %s",
    "UPDATE billing_invoiceline SET {} WHERE invoice_id = %s",
)
FORGED = [
    (INVOICE.format("gross = gross + 1, tax = tax + 1"), "its tax is 24.1800, recomputed 23.1800"),
    (INVOICE.format("due_on = due_on + 1"), "its content does not match its hash"),
    (OF_LINE.format("tax = 1"), "line 1 has a tax of 1.0000, recomputed 23.18"),
    (OF_LINE.format("stands = false"), "line 1 does not stand any more"),
    (OF_LINE.format("net = 1, tax = 0.23"), "line 1 is not its charge: 1.0000 PLN, charged 100.8000 PLN"),
]


def test_whatever_was_forged_with_the_triggers_off_is_found(billed):
    assert verified().startswith("The ledger holds: ")
    first = billed[0]
    row = f"first bad row: invoice {first.pk} (G000000001): "
    for change, problem in FORGED:
        with without_triggers() as cursor:
            cursor.execute(change, [first.pk])
            assert verified() == row + problem
    with without_triggers() as cursor:
        cursor.execute("UPDATE billing_invoice SET serial = 7 WHERE number = 'G000000002'")
        assert verified().endswith("(G000000002): its serial is 7, but 2 was to follow")
    with without_triggers() as cursor:
        cursor.execute("UPDATE billing_invoiceline SET tax = 0, tax_rate = 0 WHERE invoice_id = %s", [billed[2].pk])
        cursor.execute("UPDATE billing_invoice SET tax = 0, gross = net WHERE id = %s", [billed[2].pk])
        assert verified().endswith("(draft): its gross is 100.8000, drafted was 123.9800")
    with without_triggers() as cursor:
        last = Invoice.objects.get(number="G000000002")
        last.due_on = date(2027, 1, 1)
        last.hash = digest(content(last, last.lines.order_by("position")), last.previous_hash)
        last.save()
        assert verified().endswith("(G000000002): is not what was finalized")
    with without_triggers() as cursor:
        cursor.execute("UPDATE billing_invoice SET paid_at = finalized_at, paid_by = 'me' WHERE number = 'G000000002'")
        assert verified().endswith("(G000000002): its payment is not what was noted")
    with without_triggers() as cursor:
        cursor.execute("DELETE FROM billing_invoiceline WHERE credits_id IS NOT NULL")
        cursor.execute("DELETE FROM billing_invoice WHERE number = 'C000000001'")
        cursor.execute("UPDATE billing_invoiceseries SET last_serial = 0 WHERE kind = 'credit_note'")
        assert verified().endswith("(C000000001): was finalized, and is not there")
    with without_triggers() as cursor:
        cursor.execute("UPDATE billing_invoiceseries SET last_serial = 9 WHERE kind = 'invoice'")
        assert "series G: counts 9 numbers, 2 are there" in verified()


def checked(path: Path) -> tuple[int, str]:
    """What the script says, which knows nothing of the hub."""
    script = [sys.executable, "-I", str(ROOT / "docs" / "verify_report.py"), str(path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_report_is_verified_without_the_hub(billed, tmp_path):
    path = tmp_path / "report.json"
    call_command("verify_ledger", report=path, stdout=StringIO())
    code, told = checked(path)
    assert (code, told.endswith("5 charges, 3 invoices.\n")) == (0, True), told

    report = json.loads(path.read_text())
    report["invoices"][-1]["content"]["lines"][0]["net"] = "1.0000"
    path.write_text(json.dumps(report))
    code, told = checked(path)
    assert (code, told) == (
        1,
        f"first bad row: invoice {report['invoices'][-1]['content']['id']}: its content does not match its hash\n",
    )
