"""Adding, changing and ending customers, by each role, over HTTP."""

import pytest
from django.urls import reverse

from accounts.policy import Role
from customers.forms import customer_values
from customers.models import Customer
from customers.services.customers import CustomerProfile, change_customer
from partnerhub.outbox.models import Event, Refusal
from subscriptions.models import Cart
from tests.customers.conftest import signed_in, text_of
from tests.factories.accounts import actor
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.imports import CUSTOMER
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
OTHERS = [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN]
NEW = CUSTOMER | {"language": "pl", "vat_id": "119-990-00-44", "partner_id": "", "region": ""}


def address(name, *args):
    return reverse(f"customers:{name}", args=args)


def opened(client, customer) -> dict[str, str]:
    """What a browser would send back if nothing were changed."""
    form = client.get(address("edit", customer.pk)).context["form"]
    return {field.html_name: str(field.value() or "") for field in form}


def names_of(stream) -> list[str]:
    return list(Event.objects.filter(stream_id=stream).order_by("sequence").values_list("name", flat=True))


def by_somebody_else(customer, **changed):
    values = customer_values(customer) | changed
    partner_id = values.pop("partner_id")
    profile = CustomerProfile(**values)
    admin = actor(Role.ADMIN_AGENT)
    change_customer(admin, customer.pk, profile, partner_id=partner_id, version=customer.version, at=NOON)


# Adding


def test_an_admin_agent_adds_a_customer(admin):
    reseller = ResellerFactory()

    answer = admin.post(address("new"), NEW | {"partner_id": reseller.partner_id, "country": "pl"})

    customer = Customer.objects.get()
    assert answer.headers["Location"] == address("marketplace", customer.pk)
    expected = NEW | {"vat_id": "PL1199900044", "partner_id": reseller.partner_id}
    assert customer_values(customer) == expected
    assert names_of(customer.pk) == ["customer.created"]


@pytest.mark.parametrize(
    ("different", "field", "sentence"),
    [
        ({"vat_id": "PL1199900045"}, "vat_id", "PL1199900045 is not a VAT ID of PL: its check digit does not fit."),
        ({"domain": "TAKEN.example"}, "domain", "The domain taken.example already belongs to the customer Taken."),
        ({"partner_id": "999999"}, "partner_id", "There is no indirect reseller with PartnerID 999999."),
        ({"country": "UK"}, "country", "UK is not the code of a country."),
        ({"currency": "zł"}, "currency", "Three letters are expected, for example EUR."),
        ({"domain": "no domain"}, "domain", "This is not a domain name, as in firma.example."),
        ({"name": "a\u200bb"}, "name", "It holds characters that cannot be printed."),
        ({"billing_email": "nobody"}, "billing_email", "Enter a valid email address."),
        ({"language": "de"}, "language", "Select a valid choice. de is not one of the available choices."),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_adds_nothing(admin, different, field, sentence):
    CustomerFactory(name="Taken", domain="taken.example")

    answer = admin.post(address("new"), NEW | different)

    assert answer.status_code == 422
    assert answer.context["form"].errors == {field: [sentence]}
    assert 'value="Żółta Łódź S.A."' in answer.content.decode() or field == "name"
    assert (Customer.objects.count(), Event.objects.count()) == (1, 0)


def test_a_refusal_of_the_service_goes_on_record(admin):
    admin.post(address("new"), NEW | {"vat_id": "PL1199900045"})

    assert list(Refusal.objects.values_list("code", flat=True)) == ["vat_id_invalid"]


# Changing


def test_an_admin_agent_changes_a_customer(admin):
    customer = CustomerFactory(name="Old name")

    answer = admin.post(address("edit", customer.pk), opened(admin, customer) | {"name": "New name", "city": "Łódź"})

    customer.refresh_from_db()
    assert answer.headers["Location"] == address("account", customer.pk)
    assert (customer.name, customer.city, customer.version) == ("New name", "Łódź", 2)
    event = Event.objects.get(stream_id=customer.pk)
    assert (event.name, event.data) == (
        "customer.changed",
        {"before": {"name": "Old name", "city": "Berlin"}, "after": {"name": "New name", "city": "Łódź"}},
    )


def test_saving_what_is_there_records_nothing(admin):
    customer = CustomerFactory(reseller=ResellerFactory())

    admin.post(address("edit", customer.pk), opened(admin, customer))

    customer.refresh_from_db()
    assert (customer.version, names_of(customer.pk)) == (1, [])


def test_a_vat_id_of_before_the_check_does_not_keep_the_rest_from_being_changed(admin):
    customer = CustomerFactory(vat_id="DE811999001")

    assert admin.post(address("edit", customer.pk), opened(admin, customer) | {"city": "Jena"}).status_code == 302
    answer = admin.post(address("edit", customer.pk), opened(admin, customer) | {"country": "AT"})

    customer.refresh_from_db()
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["vat_id"])
    assert (customer.city, customer.country) == ("Jena", "DE")


def test_two_people_see_each_others_values_and_lose_nothing(admin):
    customer = CustomerFactory(name="Base", city="Berlin", region="")
    typed = opened(admin, customer) | {"name": "Mine", "region": "Mine alone"}
    by_somebody_else(customer, name="Theirs", city="Jena")

    answer = admin.post(address("edit", customer.pk), typed)

    customer.refresh_from_db()
    assert (answer.status_code, customer.name, customer.version) == (409, "Theirs", 2)
    shown = [(c.name, c.base, c.theirs, c.yours, c.is_clash) for c in answer.context["form"].conflicts]
    assert shown == [("name", "Base", "Theirs", "Mine", True), ("city", "Berlin", "Jena", "Berlin", False)]
    again = {field.html_name: str(field.value() or "") for field in answer.context["form"]}
    assert (again["name"], again["city"], again["region"], again["version"]) == ("Mine", "Jena", "Mine alone", "2")

    admin.post(address("edit", customer.pk), again)
    customer.refresh_from_db()
    assert (customer.name, customer.city, customer.region, customer.version) == ("Mine", "Jena", "Mine alone", 3)


def test_a_form_without_its_snapshot_keeps_everything_that_was_typed(admin):
    customer = CustomerFactory(name="Base")
    typed = opened(admin, customer) | {"city": "Mine", "base": "forged"}
    by_somebody_else(customer, name="Theirs")

    form = admin.post(address("edit", customer.pk), typed).context["form"]

    assert [(c.name, c.base, c.theirs, c.yours) for c in form.conflicts] == [
        ("name", None, "Theirs", "Base"),
        ("city", None, "Berlin", "Mine"),
    ]
    assert (form["name"].value(), form["city"].value()) == ("Base", "Mine")


def test_the_currency_stays_while_subscriptions_live(admin):
    subscription = active()
    customer = subscription.customer

    page = admin.get(address("edit", customer.pk))
    answer = admin.post(address("edit", customer.pk), opened(admin, customer) | {"currency": "USD"})

    customer.refresh_from_db()
    assert "It cannot change while subscriptions live (1)." in text_of(page)
    assert "It cannot change while subscriptions live (1)." in text_of(answer)
    assert answer.status_code == 422
    assert answer.context["form"].errors == {
        "currency": [
            f"{customer.name} has live subscriptions in EUR (1): its currency can change when they have ended."
        ]
    }
    assert (customer.currency, customer.version) == ("EUR", 1)


def test_the_country_may_change_while_subscriptions_live(admin):
    customer = active().customer

    admin.post(address("edit", customer.pk), opened(admin, customer) | {"country": "AT"})

    customer.refresh_from_db()
    assert customer.country == "AT"


# The relationship


def test_a_relationship_ends_and_is_resumed(admin):
    customer = CustomerFactory()

    admin.post(address("relationship", customer.pk), {"act": "end", "reason": "Moved on", "version": 1})
    customer.refresh_from_db()
    assert customer.relationship_ended_at == NOON
    assert "Nothing can be bought for this customer." in text_of(admin.get(address("account", customer.pk)))

    admin.post(address("relationship", customer.pk), {"act": "resume", "reason": "Came back", "version": 2})
    customer.refresh_from_db()
    assert customer.relationship_ended_at is None
    assert names_of(customer.pk) == ["customer.relationship_ended", "customer.relationship_resumed"]
    assert list(Event.objects.order_by("sequence").values_list("reason", flat=True)) == ["Moved on", "Came back"]


def test_a_relationship_does_not_end_while_subscriptions_live(admin):
    customer = active().customer
    buy(customer=customer)
    sentence = f"{customer.name} still has live subscriptions (2): they have to end before the relationship does."

    answer = admin.post(address("relationship", customer.pk), {"act": "end", "reason": "Moved on", "version": 1})

    customer.refresh_from_db()
    assert (answer.status_code, answer.context["form"].non_field_errors()) == (422, [sentence])
    assert (customer.relationship_ended_at, customer.version) == (None, 1)
    assert "customer.relationship_ended" not in names_of(customer.pk)
    assert sentence in text_of(admin.get(address("account", customer.pk)))


@pytest.mark.parametrize(
    ("sent", "status"), [({"reason": "", "version": 1}, 422), ({"reason": "Because", "version": 7}, 409)]
)
def test_ending_needs_a_reason_and_the_version_that_was_seen(admin, sent, status):
    customer = CustomerFactory()

    assert admin.post(address("relationship", customer.pk), sent).status_code == status

    customer.refresh_from_db()
    assert customer.relationship_ended_at is None


def test_nothing_is_bought_for_a_customer_whose_relationship_ended(admin):
    customer = CustomerFactory(relationship_ended_at=NOON)

    page = admin.get(address("account", customer.pk))

    assert f"The relationship with {customer.name} has ended: nothing can be bought for it." in text_of(page)
    assert address("buy", customer.pk) not in page.content.decode()
    assert Cart.objects.count() == 0


# Roles


@pytest.mark.parametrize("role", OTHERS)
def test_the_others_may_not_and_are_told_why_and_who_can(role):
    customer = CustomerFactory()
    client = signed_in(role)
    addresses = [address("new"), address("edit", customer.pk), address("relationship", customer.pk), address("import")]

    assert [client.get(each).status_code for each in addresses] == [403] * 4
    sent = NEW | {"version": 1, "reason": "x"}
    assert [client.post(each, sent).status_code for each in addresses] == [403] * 4
    customer.refresh_from_db()
    assert (customer.version, Customer.objects.count(), Event.objects.count()) == (1, 1, 0)
    for page in (address("list"), address("account", customer.pk)):
        html = client.get(page).content.decode()
        assert html.count('data-code="not_permitted"') == 2
        assert html.count("<b>Who can: Admin agent</b>") >= 2


def test_somebody_who_holds_both_roles_is_told_to_switch():
    page = text_of(signed_in(Role.SALES_AGENT, Role.ADMIN_AGENT).get(address("list")))

    assert "You hold a role that may: switch in the account menu." in page
