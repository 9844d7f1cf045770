"""The resellers' pages, by each role, over HTTP."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.policy import Role
from customers.models import IndirectReseller
from customers.selectors import reseller_for_purchase
from customers.services.resellers import change_reseller, stream_of
from partnerhub.errors import ResellerIsSuspended
from partnerhub.outbox.models import Event
from tests.customers.conftest import signed_in, text_of
from tests.factories.accounts import actor
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.subscriptions import NOON

pytestmark = pytest.mark.django_db
NEW = {"partner_id": "4455661", "name": "Nordlicht GmbH", "country": "DE", "agreement_signed_on": "2026-01-31"}


def address(name, *args):
    return reverse(f"resellers:{name}", args=args)


def events_of(partner_id):
    events = Event.objects.filter(stream_id=stream_of(partner_id)).order_by("sequence")
    return list(events.values_list("name", flat=True))


def test_an_admin_agent_adds_a_reseller(admin):
    answer = admin.post(address("new"), NEW)

    reseller = IndirectReseller.objects.get()
    assert answer.headers["Location"] == address("detail", "4455661")
    assert (reseller.name, reseller.agreement_signed_at) == ("Nordlicht GmbH", datetime(2026, 1, 31, tzinfo=UTC))
    assert events_of("4455661") == ["reseller.created"]


@pytest.mark.parametrize(
    ("different", "field", "sentence"),
    [
        ({"partner_id": "123"}, "partner_id", "4 to 16 digits are expected."),
        ({"partner_id": "٤٤٥٥٦٦١"}, "partner_id", "4 to 16 digits are expected."),
        (
            {"partner_id": "1234567"},
            "partner_id",
            "PartnerID 1234567 is our own: name an indirect reseller, never the provider.",
        ),
        ({"partner_id": "5550001"}, "partner_id", "There is already a reseller with PartnerID 5550001."),
        ({"country": "Germany"}, "country", "GERMANY is not the code of a country."),
        ({"agreement_signed_on": "31.1.2026"}, "agreement_signed_on", "A date is expected, for example 2026-11-23."),
        ({"agreement_signed_on": "2099-01-01"}, "agreement_signed_on", "This day has not come yet."),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_adds_nothing(admin, different, field, sentence):
    ResellerFactory(partner_id="5550001")

    answer = admin.post(address("new"), NEW | different)

    assert answer.status_code == 422
    assert answer.context["form"].errors[field] == [sentence]
    assert (IndirectReseller.objects.count(), Event.objects.count()) == (1, 0)


def test_an_agreement_is_signed_later(admin):
    reseller = ResellerFactory(partner_id="5550001", agreement_signed_at=None)
    sent = {"name": reseller.name, "country": "DE", "agreement_signed_on": "2026-02-28", "version": 1}

    admin.post(address("edit", "5550001"), sent)

    event = Event.objects.get(stream_id=stream_of("5550001"))
    assert event.data == {
        "partner_id": "5550001",
        "before": {"agreement_signed_at": None},
        "after": {"agreement_signed_at": "2026-02-28T00:00:00+00:00"},
    }


def test_two_people_see_each_others_values(admin):
    reseller = ResellerFactory(partner_id="5550001", name="Base")
    form = admin.get(address("edit", "5550001")).context["form"]
    typed = {field.html_name: str(field.value() or "") for field in form} | {"name": "Mine"}
    change_reseller(
        actor(Role.ADMIN_AGENT),
        "5550001",
        name="Theirs",
        country="AT",
        agreement_signed_at=reseller.agreement_signed_at,
        version=1,
        at=NOON,
    )

    answer = admin.post(address("edit", "5550001"), typed)

    conflicts = [(c.name, c.base, c.theirs, c.yours) for c in answer.context["form"].conflicts]
    assert (answer.status_code, conflicts) == (
        409,
        [("name", "Base", "Theirs", "Mine"), ("country", "DE", "AT", "DE")],
    )
    reseller.refresh_from_db()
    assert (reseller.name, reseller.version) == ("Theirs", 2)


def test_the_moment_of_an_agreement_stays_when_its_day_is_saved_again(admin):
    moment = datetime(2026, 1, 31, 15, 30, tzinfo=UTC)
    reseller = ResellerFactory(partner_id="5550001", agreement_signed_at=moment)
    form = admin.get(address("edit", "5550001")).context["form"]

    admin.post(address("edit", "5550001"), {field.html_name: str(field.value() or "") for field in form})

    reseller.refresh_from_db()
    assert (reseller.agreement_signed_at, reseller.version, events_of("5550001")) == (moment, 1, [])


def test_a_suspended_reseller_may_not_be_named_until_it_is_reinstated(admin, settings):
    reseller = ResellerFactory(partner_id="5550001")

    admin.post(address("suspension", "5550001"), {"act": "suspend", "reason": "Unpaid", "version": 1})
    with pytest.raises(ResellerIsSuspended):
        reseller_for_purchase("5550001", settings.HUB_PARTNER_ID)

    admin.post(address("suspension", "5550001"), {"act": "reinstate", "reason": "Paid", "version": 2})
    assert reseller_for_purchase("5550001", settings.HUB_PARTNER_ID) == reseller
    assert events_of("5550001") == ["reseller.suspended", "reseller.reinstated"]


@pytest.mark.parametrize(
    ("sent", "status"), [({"reason": "", "version": 1}, 422), ({"reason": "Because", "version": 7}, 409)]
)
def test_suspending_needs_a_reason_and_the_version_that_was_seen(admin, sent, status):
    reseller = ResellerFactory()

    assert admin.post(address("suspension", reseller.pk), sent).status_code == status

    reseller.refresh_from_db()
    assert (reseller.suspended_at, reseller.version) == (None, 1)


@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_the_others_read_and_are_told_who_can_change(role):
    reseller = ResellerFactory()
    client = signed_in(role)
    addresses = [address("new"), address("import"), address("edit", reseller.pk), address("suspension", reseller.pk)]

    assert [client.post(each, NEW | {"version": 1, "reason": "x"}).status_code for each in addresses] == [403] * 4
    reseller.refresh_from_db()
    assert (reseller.version, IndirectReseller.objects.count(), Event.objects.count()) == (1, 1, 0)
    for page in (address("list"), address("detail", reseller.pk)):
        assert client.get(page).content.decode().count('data-code="not_permitted"') == 2


def test_an_unknown_reseller_is_missing(admin):
    assert [admin.get(address(name, "404404")).status_code for name in ("detail", "edit", "suspension")] == [404] * 3


def test_the_list_is_searched(admin):
    ResellerFactory(partner_id="4455661", name="Nordlicht")
    ResellerFactory(partner_id="5566772", name="Bałtyk", suspended_at=NOON)

    assert [name in text_of(admin.get(address("list"), {"q": "ałty"})) for name in ("Nordlicht", "Bałtyk")] == [
        False,
        True,
    ]
    assert "Nordlicht" in text_of(admin.get(address("list"), {"q": "4455"}))
    assert "No reseller matches" in text_of(admin.get(address("list"), {"q": "nobody"}))


@pytest.mark.parametrize("page", ["list", "detail"])
def test_the_pages_ask_the_database_as_often_for_more_rows(admin, page):
    reseller = ResellerFactory()
    target = address("list") if page == "list" else address("detail", reseller.pk)
    counts = []
    for more in (1, 2):
        for _ in range(more):
            CustomerFactory(reseller=ResellerFactory())
            CustomerFactory(reseller=reseller)
        with CaptureQueriesContext(connection) as queries:
            assert admin.get(target).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
