"""Files of customers and resellers: planned row by row, then applied, safe to repeat."""

import csv
import io

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from customers.forms import customer_values
from customers.imports import CUSTOMER_COLUMNS, CUSTOMERS, RESELLERS, plan_import
from customers.models import Customer, IndirectReseller
from partnerhub.errors import ImportIncomplete
from partnerhub.jobs.models import Job
from partnerhub.jobs.services import confirm
from partnerhub.outbox.models import Event
from partnerhub.web.uploads import LARGEST_FILE, UnreadableTable, read_table
from tests.customers.conftest import text_of
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.imports import CUSTOMER, table, uploaded
from tests.factories.jobs import agent, outcomes, work
from tests.factories.subscriptions import NOON, active

SHAPE = {"columns": CUSTOMER_COLUMNS, "required": ["domain"], "most": 5000}


def planned(kind, rows, *, all_or_none=False, by=None):
    key = kind.key
    lines = read_table(table(rows), columns=kind.columns, required=[key], most=5000)
    return work(plan_import(by or agent(), kind, lines, all_or_none=all_or_none, at=NOON))


def applied(kind, rows):
    by = agent()
    job = planned(kind, rows, by=by)
    confirm(by, job.pk, at=NOON)
    return work(job)


# Reading a file


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_is_read_however_a_spreadsheet_wrote_it(delimiter, mark):
    (line,) = read_table(mark + table([CUSTOMER], delimiter=delimiter), **SHAPE)

    assert (line.number, line.cells, line.surplus) == (2, CUSTOMER, 0)


def test_cells_that_look_like_formulas_stay_text():
    rows = [{"domain": "a.example", "name": "=cmd|'/c calc'!A0"}, {"domain": "b.example", "name": "'=1+1"}]

    assert [line.cells["name"] for line in read_table(table(rows), **SHAPE)] == ["=cmd|'/c calc'!A0", "=1+1"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The first line has to name the columns; missing: domain."),
        (b"name\nFirma", "The first line has to name the columns; missing: domain."),
        (b"domain,shoe\na.example,43", "There is no column shoe."),
        (b"domain,domain\na,b", "A column stands in the file more than once."),
        (b"domain\n\xff\xfe", "The file is not UTF-8 text."),
        (b"x" * (LARGEST_FILE + 1), "The file is larger than 2 MB."),
        (b"domain\n" + b"a.example\n" * 5001, "The file has more lines than can be read at once. Split it."),
        (b'domain\n"' + b"x" * 200_000, "The file is not a CSV file."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content, why):
    with pytest.raises(UnreadableTable) as problem:
        read_table(content, **SHAPE)

    assert str(problem.value.args[0]) == why


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_are_not(content):
    try:
        read_table(b"domain,name\n" + content, **SHAPE)
    except UnreadableTable:
        return


CELLS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), max_size=4)


@given(st.lists(CELLS, max_size=12), st.sampled_from(",;\t"))
def test_every_line_that_is_not_blank_is_accounted_for(rows, delimiter):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([["domain", "name"], *rows])

    lines = read_table(text.getvalue().encode(), **SHAPE)

    full = [(number, cells) for number, cells in enumerate(rows, start=2) if any(map(str.strip, cells))]
    assert [line.number for line in lines] == [number for number, _cells in full]
    assert [line.surplus for line in lines] == [sum(bool(c.strip()) for c in cells[2:]) for _number, cells in full]


# Customers


@pytest.mark.django_db
def test_a_plan_shows_each_row_and_changes_nothing():
    there = CustomerFactory(domain="there.example", city="Berlin")
    same = CustomerFactory(domain="same.example", city="Jena")
    rows = [
        CUSTOMER | {"vat_id": "", "language": "pl"},
        {"domain": "THERE.example", "city": "Gdańsk"},
        {"domain": same.domain, "city": "Jena"},
        CUSTOMER | {"domain": "bad.example", "country": "UK", "billing_email": "nobody"},
        CUSTOMER | {"domain": "vat.example", "vat_id": "PL1199900045"},
        {"domain": "there.example", "city": "Łódź"},
        {"domain": "", "name": "Nameless"},
    ]
    job = planned(CUSTOMERS, [dict.fromkeys(CUSTOMER | {"vat_id": "", "language": ""}, "") | row for row in rows])

    assert outcomes(job) == [
        ("pending", ""),
        ("pending", ""),
        ("skipped", ""),
        ("refused", "row_unfit"),
        ("refused", "vat_id_invalid"),
        ("refused", "repeated_row"),
        ("refused", "row_unfit"),
    ]
    shown = [CUSTOMERS.tell(row) for row in job.rows.select_related("job").order_by("number")]
    assert [(c.label, c.before, c.after) for c in shown[1].changes] == [("City", "Berlin", "Gdańsk")]
    assert shown[3].notes == [
        "Country: UK is not the code of a country.",
        "E-mail for invoices: Enter a valid email address.",
    ]
    assert (Customer.objects.count(), Event.objects.exclude(stream_type="job").count()) == (2, 0)
    there.refresh_from_db()
    assert (there.city, there.version) == ("Berlin", 1)


@pytest.mark.django_db
def test_the_rows_that_fit_are_applied_and_a_repetition_changes_nothing(django_assert_num_queries):
    reseller = ResellerFactory()
    rows = [
        CUSTOMER | {"vat_id": "1199900044", "partner_id": reseller.pk},
        CUSTOMER | {"domain": "b", "vat_id": "x", "partner_id": ""},
    ]

    job = applied(CUSTOMERS, rows)
    assert outcomes(job) == [("done", ""), ("refused", "row_unfit")]

    customer = Customer.objects.get()
    with django_assert_num_queries(1):
        told = [CUSTOMERS.tell(row).url for row in job.rows.select_related("job").order_by("number")]
    assert told == [reverse("customers:account", args=[customer.pk]), ""]
    expected = CUSTOMER | {"vat_id": "PL1199900044", "partner_id": reseller.pk, "language": "en", "region": ""}
    assert customer_values(customer) == expected
    assert outcomes(planned(CUSTOMERS, rows)) == [("skipped", ""), ("refused", "row_unfit")]
    assert Event.objects.filter(stream_type="customer").count() == 1


@pytest.mark.django_db
def test_an_empty_cell_leaves_a_value_and_a_dash_empties_it():
    customer = CustomerFactory(domain="a.example", vat_id="DE811999005", region="Hessen", reseller=ResellerFactory())

    applied(CUSTOMERS, [{"domain": "a.example", "vat_id": "-", "region": "", "partner_id": "-", "name": "New"}])

    customer.refresh_from_db()
    assert (customer.vat_id, customer.region, customer.reseller_id, customer.name) == ("", "Hessen", None, "New")


@pytest.mark.django_db
def test_a_row_whose_customer_was_changed_meanwhile_is_left_alone():
    customer = CustomerFactory(domain="a.example", name="Base")
    by = agent()
    job = planned(CUSTOMERS, [{"domain": "a.example", "name": "From the file"}], by=by)
    Customer.objects.filter(pk=customer.pk).update(name="Theirs", version=2)

    confirm(by, job.pk, at=NOON)

    assert outcomes(work(job)) == [("refused", "stale_version")]
    customer.refresh_from_db()
    assert customer.name == "Theirs"


@pytest.mark.django_db
def test_the_currency_of_a_customer_with_live_subscriptions_is_refused_in_a_file_too():
    customer = active().customer

    assert outcomes(planned(CUSTOMERS, [{"domain": customer.domain, "currency": "USD"}])) == [
        ("refused", "currency_in_use")
    ]


@pytest.mark.django_db
def test_all_rows_or_none():
    by = agent()
    job = planned(CUSTOMERS, [CUSTOMER, CUSTOMER | {"domain": "b.example", "country": "UK"}], all_or_none=True, by=by)

    with pytest.raises(ImportIncomplete):
        confirm(by, job.pk, at=NOON)

    assert (work(job).status, Customer.objects.count()) == ("planned", 0)


# Resellers


@pytest.mark.django_db
def test_resellers_are_added_and_changed():
    ResellerFactory(partner_id="5550001", name="Old", agreement_signed_at=None)
    rows = [
        {"partner_id": "5550001", "name": "", "country": "", "agreement_signed_on": "2026-01-31"},
        {"partner_id": "5550002", "name": "New", "country": "pl", "agreement_signed_on": ""},
        {"partner_id": "1234567", "name": "Ourselves", "country": "PL", "agreement_signed_on": ""},
        {"partner_id": "55", "name": "Short", "country": "PL", "agreement_signed_on": "2099-01-01"},
    ]

    job = applied(RESELLERS, rows)

    assert outcomes(job) == [("done", ""), ("done", ""), ("refused", "reseller_is_provider"), ("refused", "row_unfit")]
    saved = [
        (r.pk, r.name, r.country, r.agreement_signed_at is not None) for r in IndirectReseller.objects.order_by("pk")
    ]
    assert saved == [("5550001", "Old", "DE", True), ("5550002", "New", "PL", False)]
    told = [RESELLERS.tell(row) for row in job.rows.select_related("job").order_by("number")]
    assert [one.url for one in told] == ["/resellers/5550001/", "/resellers/5550002/", "", ""]
    assert told[3].notes == [
        "PartnerID: 4 to 16 digits are expected.",
        "Agreement signed on: This day has not come yet.",
    ]


# The page


@pytest.mark.django_db
@pytest.mark.parametrize("space", ["customers", "resellers"])
def test_a_file_becomes_a_plan_and_the_files_to_fill_in_fit(admin, space):
    CustomerFactory(name="=danger", reseller=ResellerFactory())
    current = b"".join(admin.get(reverse(f"{space}:import_file", args=["current"])).streaming_content)
    empty = b"".join(admin.get(reverse(f"{space}:import_file", args=["template"])).streaming_content)

    answer = admin.post(reverse(f"{space}:import"), {"file": uploaded(current)})

    job = Job.objects.get()
    assert answer.headers["Location"] == reverse("jobs:job", args=[job.pk])
    assert outcomes(job) == [("skipped", "")]
    assert (len(empty.splitlines()), len(current.splitlines())) == (1, 2)
    assert admin.get(answer.headers["Location"]).status_code == 200


@pytest.mark.django_db
def test_a_file_that_cannot_be_read_is_refused_at_its_field(admin):
    answer = admin.post(reverse("customers:import"), {"file": uploaded(b"shoe\n43")})

    assert (answer.status_code, Job.objects.count()) == (422, 0)
    assert "The first line has to name the columns; missing: domain." in text_of(answer)


@pytest.mark.django_db
def test_a_file_without_rows_is_refused(admin):
    answer = admin.post(reverse("customers:import"), {"file": uploaded(b"domain\n")})

    assert (answer.status_code, Job.objects.count()) == (422, 0)
