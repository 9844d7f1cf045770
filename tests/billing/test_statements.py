"""Publishers' statements: read line by line, imported as often as one likes, compared with the ledger."""

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.policy import Role
from billing.models import Charge, Statement, StatementLine
from billing.services.statements import import_statement
from billing.statement_file import StatementRow, UnreadableStatement, read_statement
from billing.statements import compared, missing_there
from partnerhub.errors import NotPermitted
from partnerhub.outbox.models import Event
from publishers.models import Policy
from tests.factories.accounts import LONG_AGO, UserFactory, actor
from tests.factories.billing import ADMIN, to_quantity
from tests.factories.publishers import PlanFactory, PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, active

HEADING = "Subscription ID,period,quantity,amount,currency\n"
NOVEMBER = date(2026, 11, 1)


def read(text: str, name: str = "november.csv") -> list[StatementRow]:
    return list(read_statement(io.BytesIO(text.encode()), name))


@pytest.mark.parametrize(
    ("line", "month", "quantity", "amount"),
    [
        ("s,2026-11,7,70.56,EUR", NOVEMBER, 7, "70.5600"),
        ('s,2026-11-30,7,"1 234,56",eur', NOVEMBER, 7, "1234.5600"),
        ('s,11/2026,7.0,"-1.234,5",EUR', NOVEMBER, 7, "-1234.5000"),
    ],
)
def test_lines_are_read_as_people_write_them(line, month, quantity, amount):
    assert read(HEADING + "\n" + line) == [StatementRow(3, "s", month, quantity, Decimal(amount), "EUR")]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("period,amount\n", ["The first line has to name the columns; missing: subscription, quantity, currency."]),
        (
            HEADING
            + 's,2026-13,7,1,EUR\ns,2026-11,-1,1,EUR\ns,2026-11,1,"1,234",EUR\ns,2026-11,1,1,€\n,2026-11,1,1,EUR',
            [
                "Line 2: “2026-13” is no month such as 2026-11",
                "Line 3: “-1” is no number of licences",
                "Line 4: “1,234” could mean 1234 or 1.234: write 1234 or 1.2340",
                "Line 5: “€” is no currency such as EUR",
                "Line 6: a subscription id is expected",
            ],
        ),
        (HEADING + "s,2026-11,1,-1.234,EUR", ["Line 2: “-1.234” could mean -1234 or -1.234: write -1234 or -1.2340"]),
        (HEADING + "s,2026-11,1.000,1,EUR", ["Line 2: “1.000” could mean 1000 or 1.000: write 1000 or 1.0000"]),
        (HEADING + 's,2026-11,1,"1,234,567",EUR', ["Line 2: “1,234,567” is no amount such as 1234.56"]),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text, problems):
    with pytest.raises(UnreadableStatement) as refused:
        read(text)
    assert refused.value.problems == problems


@pytest.mark.parametrize(("content", "name"), [(b"\xff\xfe\x00", "a.csv"), (b"no zip", "a.xlsx")])
def test_a_file_that_is_none_is_refused(content, name):
    with pytest.raises(UnreadableStatement, match="The file is not"):
        list(read_statement(io.BytesIO(content), name))


def sheet_with(part: bytes) -> io.BytesIO:
    """A packed workbook whose only sheet is this text."""
    whole, crafted = io.BytesIO(), io.BytesIO()
    workbook = xlsxwriter.Workbook(whole)
    workbook.add_worksheet()
    workbook.close()
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(crafted, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, part if name == "xl/worksheets/sheet1.xml" else source.read(name))
    return crafted


def test_a_sheet_that_grows_when_it_is_unpacked_is_refused(monkeypatch):
    monkeypatch.setattr("billing.statement_file.LARGEST_SHEET", 5_000_000)
    bomb = sheet_with(b"<worksheet>" + b" " * 6_000_000)
    assert len(bomb.getvalue()) < 50_000

    with pytest.raises(UnreadableStatement, match="The sheet is too large"):
        list(read_statement(bomb, "a.xlsx"))


@pytest.mark.parametrize(
    "entity", ['<!ENTITY x SYSTEM "file:///etc/passwd">', "".join(f'<!ENTITY x{n} "{"&x;" * 99}">' for n in range(9))]
)
def test_a_sheet_leads_to_no_file_and_grows_by_no_entity(entity):
    cell = '<c r="A1" t="inlineStr"><is><t>&x;</t></is></c>'
    text = (
        f'<?xml version="1.0"?><!DOCTYPE worksheet [{entity}]><worksheet><sheetData><row r="1">{cell}</row></sheetData>'
    )

    with pytest.raises(UnreadableStatement) as refused:
        list(read_statement(sheet_with(f"{text}</worksheet>".encode()), "a.xlsx"))
    assert "root:" not in str(refused.value)


def test_a_sheet_with_one_cell_in_the_farthest_corner_is_refused():
    book = io.BytesIO()
    workbook = xlsxwriter.Workbook(book)
    sheet = workbook.add_worksheet()
    sheet.write(0, 0, "subscriptionId")
    sheet.write(1_048_575, 16_383, "x")
    workbook.close()
    book.seek(0)
    with pytest.raises(UnreadableStatement, match="too large"):
        list(read_statement(book, "a.xlsx"))


def test_a_sheet_is_read_like_text():
    book = io.BytesIO()
    workbook = xlsxwriter.Workbook(book)
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, ["Okres", "Subskrypcja", "Ilość", "Kwota", "Waluta", "Uwagi"])
    sheet.write_row(1, 1, ["s", 7, 70.56, "PLN", "x"])
    sheet.write_datetime(1, 0, NOON.replace(tzinfo=None), workbook.add_format({"num_format": "yyyy-mm"}))
    workbook.close()
    book.seek(0)

    assert list(read_statement(book, "a.XLSX")) == [StatementRow(2, "s", NOVEMBER, 7, Decimal("70.5600"), "PLN")]


def imported(publisher, *lines, statement_id: str = "2026-11"):
    text = HEADING + "\n".join(lines)
    rows = read_statement(io.BytesIO(text.encode()), "november.csv")
    done = import_statement(ADMIN, publisher.pk, statement_id, rows, at=NOON)
    return done, (done.added, done.changed, done.same, done.gone)


@pytest.mark.django_db
def test_each_difference_by_its_name():
    publisher = PublisherFactory()
    term = PlanTermFactory(plan=PlanFactory(offer__publisher=publisher))
    agrees, amount, quantity, currency, missing = (active(term=term) for _ in range(5))
    to_quantity(agrees, 9, NOON + timedelta(days=2))
    other = active()

    done, counted = imported(
        publisher,
        f"{agrees.pk},2026-11,7,70.56,EUR",
        f"{agrees.pk},2026-11,9,18.82,EUR",
        f"{amount.pk},2026-11,7,70.55,EUR",
        f"{quantity.pk},2026-11,8,70.56,EUR",
        f"{currency.pk},2026-11,7,70.56,USD",
        f"{missing.pk},2026-12,7,70.56,EUR",
        f"{other.pk},2026-11,7,70.56,EUR",
        "no-uuid,2026-11,7,70.56,EUR",
    )

    assert counted == (8, 0, 0, 0)
    assert [line.difference for line in compared(done.statement)] == [
        "agrees",
        "agrees",
        "amount_differs",
        "quantity_differs",
        "currency_differs",
        "nothing_charged",
        "unknown_subscription",
        "unknown_subscription",
    ]
    assert [(row["subscription_id"], row["month"], row["ours"]) for row in missing_there(done.statement)] == [
        (missing.pk, NOVEMBER, Decimal("70.5600"))
    ]


@pytest.mark.django_db
def test_importing_again_changes_only_what_has_changed():
    subscription = active()
    line = f"{subscription.pk},2026-11,7,70.56,EUR"

    assert imported(subscription.publisher, line, line)[1] == (2, 0, 0, 0)
    assert imported(subscription.publisher, line, line)[1] == (0, 0, 2, 0)
    assert imported(subscription.publisher, line.replace("70.56", "70"), "", line)[1] == (1, 1, 0, 1)
    assert imported(subscription.publisher, line, statement_id="other")[1] == (1, 0, 0, 0)

    lines = StatementLine.objects.order_by("statement__statement_id", "number")
    assert [(one.statement.statement_id, one.number, one.amount) for one in lines] == [
        ("2026-11", 2, Decimal("70")),
        ("2026-11", 4, Decimal("70.56")),
        ("other", 2, Decimal("70.56")),
    ]
    assert Event.objects.filter(name="statement.imported").count() == 4


@pytest.mark.django_db
def test_an_unreadable_line_or_a_role_that_may_not_leave_everything_as_it_was():
    subscription = active()
    line = f"{subscription.pk},2026-11,7,70.56,EUR"
    with pytest.raises(UnreadableStatement, match="Line 3"):
        imported(subscription.publisher, line, "x,y,7,70.56,EUR")
    with pytest.raises(NotPermitted):
        import_statement(actor(Role.OPS_AGENT), subscription.publisher_id, "2026-11", [], at=NOON)

    assert (Statement.objects.count(), Event.objects.filter(name="statement.imported").count()) == (0, 0)


@pytest.mark.django_db
def test_upload_see_and_take_along():
    subscription = active(nickname="Team")
    client = Client()
    client.force_login(UserFactory(active_role=Role.ADMIN_AGENT))
    text, progress = HEADING + f"{subscription.pk},2026-11,7,70.50,EUR\n", uuid4()
    asked = f"/billing/statements/progress/{progress}/"

    def upload(text: str):
        file = SimpleUploadedFile("november.csv", text.encode(), content_type="text/csv")
        given = {"publisher": subscription.publisher_id, "statement_id": "2026-11", "file": file, "progress": progress}
        return client.post("/billing/statements/", given)

    before, refused = client.get(asked), upload(text + "x")
    answer = upload(text)
    page = client.get(answer["Location"]).content.decode()
    lines = b"".join(client.get(f"{answer['Location']}lines.csv").streaming_content).decode().splitlines()

    assert (refused.status_code, answer.status_code) == (422, 302)
    assert "Line 3: “” is no currency such as EUR" in refused.content.decode()
    assert (before.status_code, client.get(asked).content) == (204, b"1 line taken over so far.")
    assert "Another amount" in page
    assert lines[1] == f"2,{subscription.pk},Team,2026-11-01,7,70.5000,EUR,7,70.5600,EUR,amount_differs,Another amount"


@pytest.mark.django_db
def test_the_licences_of_a_month_are_all_that_its_last_day_is_charged_for():
    term = PlanTermFactory(term="P1Y", billing_cycle="annual", amounts={"EUR": "120.00"})
    subscription = active(datetime(2026, 9, 1, 12, tzinfo=UTC), term=term, quantity=10)
    Policy.objects.create(name="added_seats_price", value="list", plan=subscription.plan, valid_from=LONG_AGO)
    term.prices.update(valid_to=NOON)
    term.prices.create(currency="EUR", amount="132.00", valid_from=NOON)
    to_quantity(subscription, 12, NOON)
    cost = Charge.objects.get(charge_type="addQuantity")

    done, _ = imported(subscription.publisher, f"{subscription.pk},2026-11,12,{cost.amount},EUR")
    assert (cost.quantity, [line.difference for line in compared(done.statement)]) == (2, ["agrees"])
