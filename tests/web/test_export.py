"""Lists as files: whole, flat in memory and queries, and harmless to who opens them."""

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.policy import Role
from partnerhub.web.export import csv_response, neutral, written, xlsx_response
from subscriptions.demo.scale import seed
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

CSV, XLSX = "/subscriptions/export.csv", "/subscriptions/export.xlsx"


@pytest.fixture
def agent(db) -> Iterator[Client]:
    client = Client()
    with time_machine.travel(NOON, tick=False):
        client.force_login(UserFactory(active_role=Role.SALES_AGENT))
        yield client


def read(response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def sheets_of(response) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(response.getvalue())) as book:
        names = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        found = [book.read(name).decode() for name in sorted(names)]
    if response.file_to_stream:  # what no client has sent
        response.file_to_stream.close()
    return found


def sheet_of(response) -> str:
    [sheet] = sheets_of(response)
    return sheet


# Cells


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_what_a_spreadsheet_would_calculate_stays_text(start):
    assert neutral(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


def test_other_text_stays_as_it_is():
    assert [neutral(text) for text in ("", "Łódź", "a=b", " =1", "'=1")] == ["", "Łódź", "a=b", " =1", "'=1"]


def test_values_are_written_so_that_any_program_reads_them():
    moment = datetime(2026, 11, 23, 13, 0, 5, 999, tzinfo=UTC)
    values = [None, True, 12, -3, Decimal("-1234.5000"), Decimal("1E+2"), date(2026, 2, 28), moment, "-5"]

    assert [written(value) for value in values] == [
        "", "yes", "12", "-3", "-1234.5000", "100", "2026-02-28", "2026-11-23T13:00:05Z", "'-5"
    ]  # fmt: skip


def test_a_csv_begins_with_its_mark_and_quotes_what_must_be():
    response = csv_response("list", ["Nazwa", "=x"], [['Łódź; "A", B', Decimal("1.5")], ["two\nlines", None]])

    assert response.getvalue() == '\ufeffNazwa,\'=x\r\n"Łódź; ""A"", B",1.5\r\n"two\nlines",\r\n'.encode()
    assert response["Content-Disposition"] == 'attachment; filename="list.csv"'


def test_a_csv_is_read_while_it_is_sent():
    taken = []

    def rows() -> Iterator[list[int]]:
        for number in range(10_000):
            taken.append(number)
            yield [number]

    lines = iter(csv_response("list", ["n"], rows()).streaming_content)
    next(lines), next(lines)

    assert len(taken) == 500


def test_a_workbook_holds_text_as_text_numbers_and_days_as_such():
    rows = [["=1+1", 12, Decimal("10.08"), date(2026, 11, 23), None, True], ["https://a.example", -1, "", "x", "", 0]]

    response = xlsx_response("list", ["A", "B", "C", "D", "E", "F"], rows)

    sheet = sheet_of(response)
    assert "<f>" not in sheet
    assert '<c r="A2" t="inlineStr"><is><t>=1+1</t></is></c>' in sheet
    assert '<c r="B2"><v>12</v></c><c r="C2"><v>10.08</v></c><c r="D2" s="2"><v>46349</v></c>' in sheet
    assert "hyperlink" not in sheet
    assert response["Content-Disposition"] == 'attachment; filename="list.xlsx"'


def test_a_workbook_that_is_full_goes_on_in_another_sheet(monkeypatch):
    monkeypatch.setattr("partnerhub.web.export.ROWS_A_SHEET", 1001)

    response = xlsx_response("list", ["n"], ([number] for number in range(1500)))

    assert [sheet.count("<row ") for sheet in sheets_of(response)] == [1001, 501]


def test_an_empty_list_is_a_line_of_headings():
    assert csv_response("list", ["n"], []).getvalue() == "\ufeffn\r\n".encode()
    assert sheet_of(xlsx_response("list", ["n"], [])).count("<row ") == 1


# Subscriptions


def test_the_file_holds_the_filtered_list_with_every_fact(agent):
    reseller = ResellerFactory(partner_id="5551234", name="+Partner")
    customer = CustomerFactory(name='=HYPERLINK("https://evil.example")')
    term = PlanTermFactory(term="P1Y", billing_cycle="monthly")
    wanted = active(nickname="-Łódź", customer=customer, term=term, quantity=7, partner_id=reseller.pk)
    buy(nickname="Other")

    response = agent.get(CSV, {"status": "subscribed", "sort": "nickname", "columns": "plan"})

    assert response["Content-Disposition"] == 'attachment; filename="subscriptions-2026-11-23.csv"'
    assert read(response) == [
        {
            "Subscription ID": str(wanted.pk),
            "Nickname": "'-Łódź",
            "Customer ID": str(customer.pk),
            "Customer": '\'=HYPERLINK("https://evil.example")',
            "Country": "DE",
            "Beneficiary": "max@customer.example",
            "Publisher": wanted.publisher.name,
            "Offer": wanted.offer.title,
            "Plan": wanted.plan.title,
            "Quantity": "7",
            "Status": "Active",
            "Reason": "",
            "Owner": "",
            "Auto-renew": "On",
            "Term": "1 year",
            "Billing": "billed monthly",
            "Unit price": "10.0800",
            "Amount per billing cycle": "70.56",
            "Currency": "EUR",
            "Bought": "2026-11-23T12:00:00Z",
            "Activated": "2026-11-23T12:00:00Z",
            "Term starts": "2026-11-23",
            "Term ends": "2027-11-22",
            "Ended": "",
            "Indirect reseller": "'+Partner",
            "Reseller's PartnerID": "5551234",
            "Order": wanted.order_line.order.number,
        }
    ]


def test_what_waits_says_for_what_and_for_whom_and_nothing_else_does(agent):
    waiting = buy()
    hear(waiting, said(waiting, assigned_quantity=2))
    active()

    rows = {row["Status"]: (row["Reason"], row["Owner"]) for row in read(agent.get(CSV))}

    assert rows == {
        "Action required": ("Not all licences are assigned yet.", "Publisher"),
        "Active": ("", ""),
    }


def test_the_file_speaks_the_readers_language(agent):
    buy()

    [row] = read(agent.get(CSV, headers={"Accept-Language": "pl"}))

    assert (row["Pseudonim"], row["Stan"], row["Automatyczne odnawianie"], row["Okres"]) == (
        row["Oferta"],
        "Wymagana akcja",
        "Włączone",
        "1 miesiąc",
    )


def test_the_workbook_has_the_same_rows(agent):
    first, second = buy(nickname="=Eins"), buy(nickname="Zwei")

    sheet = sheet_of(agent.get(XLSX, {"q": ""}))

    assert [text in sheet for text in ("<t>=Eins</t>", "<t>Zwei</t>", str(first.pk), str(second.pk))] == [True] * 4
    assert sheet.count("<row ") == 3


def test_there_is_no_other_kind_of_file_and_none_for_strangers(agent):
    assert agent.get("/subscriptions/export.pdf").status_code == 404
    assert Client().get(CSV).status_code == 302


@pytest.mark.parametrize("address", [CSV, XLSX])
def test_three_thousand_rows_take_one_question_more_and_as_much_memory_as_a_few(agent, address):
    seed(subscriptions=30, customers=3, publishers=1, at=NOON, tell=lambda done: None)
    few, _ = cost_of(agent, address)
    seed(subscriptions=3000, customers=30, publishers=1, at=NOON, tell=lambda done: None)

    many, peak = cost_of(agent, address)

    assert many == few + 1  # each 2,000 rows are asked once for licences with a price of their own
    assert peak < 12_000_000


def cost_of(agent: Client, address: str) -> tuple[int, int]:
    """The questions to the database, and the most bytes in use, while a file is sent and forgotten piece by piece."""
    tracemalloc.start()
    with CaptureQueriesContext(connection) as captured:
        response = agent.get(address)
        sent = sum(len(part) for part in response.streaming_content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent > 0
    return len(captured), peak
