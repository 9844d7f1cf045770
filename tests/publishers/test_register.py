import copy
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Client, ClientSecret
from accounts.policy import OPERATOR, Role
from accounts.services.clients import verify_secret
from partnerhub.errors import AddressNotAllowed, InvalidInput, NotPermitted, OverlappingPrice
from partnerhub.outbox.models import Event
from publishers.models import Offer, Plan, PlanTerm, Policy, Price, Publisher
from publishers.selectors import policy_duration, price_at
from publishers.services.register import describe, register_publisher
from tests.factories.accounts import ClientFactory, actor
from tests.factories.subscriptions import buy

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)

DOCUMENT = {
    "name": "Northwind Sign",
    "adapter": "saas_v2_poll",
    "fulfillment_base_url": "http://127.0.0.1:8401/northwind/",
    "landing_url": "http://127.0.0.1:8401/northwind/landing",
    "offers": [
        {
            "offer_id": "esign--prompt",
            "title": "eSign",
            "plans": [
                {
                    "plan_id": "team",
                    "title": "Team",
                    "pricing": "per_user",
                    "min_quantity": 1,
                    "max_quantity": 300,
                    "terms": [
                        {"term": "P1M", "billing_cycle": "monthly", "prices": {"EUR": "10.08", "PLN": "43.20"}},
                        {"term": "P1Y", "billing_cycle": "annual", "prices": {"EUR": "96"}},
                    ],
                },
                {
                    "plan_id": "vault",
                    "title": "Vault",
                    "pricing": "flat_rate",
                    "min_quantity": 1,
                    "max_quantity": 1,
                    "trial_days": 30,
                    "terms": [{"term": "P3Y", "billing_cycle": "one_time", "prices": {"USD": "2994.1250"}}],
                    "policies": {"activate_within": "PT72H"},
                },
            ],
        }
    ],
    "policies": {"cancel_within": "P1D"},
}


@pytest.fixture(autouse=True)
def _private_publishers_allowed(settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True


def changed(**members):
    return {**copy.deepcopy(DOCUMENT), **members}


def with_member(path, value):
    """The document with one member, named by its path, set (or removed when the value is None)."""
    document = copy.deepcopy(DOCUMENT)
    *steps, last = path
    target = document
    for step in steps:
        target = target[step]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return document


def register(document, at=NOON, by=OPERATOR):
    return register_publisher(by, document, at=at)


def nothing_was_written():
    models = (Publisher, Offer, Client, ClientSecret, Event)
    return not any(model.objects.exists() for model in models) and not Policy.objects.exclude(publisher=None).exists()


def term(plan_id, name):
    return PlanTerm.objects.get(plan__plan_id=plan_id, term=name)


def test_a_publisher_is_created_with_all_it_sells():
    told = describe(register(DOCUMENT))

    publisher = Publisher.objects.get()
    assert publisher.fulfillment_base_url == "http://127.0.0.1:8401/northwind"
    assert told["id"] == str(publisher.pk)
    assert told["changed"] is True
    assert verify_secret(publisher.client, told["client_secret"], NOON)
    assert publisher.client.role == Role.PUBLISHER
    assert [
        (item["plan"], item["term"], item["min"], item["max"], item["prices"]) for item in told["catalog_items"]
    ] == [
        ("team", "P1M", 1, 300, {"EUR": "10.08", "PLN": "43.20"}),
        ("team", "P1Y", 1, 300, {"EUR": "96.00"}),
        ("vault", "P3Y", 1, 1, {"USD": "2994.125"}),
    ]
    assert list(Plan.objects.order_by("sku_id").values_list("plan_id", "sku_id")) == [
        ("team", "0001"),
        ("vault", "0002"),
    ]
    assert [event.name for event in Event.objects.all()] == ["publisher.registered"]


def test_the_ids_of_a_catalogue_are_the_same_on_every_hub():
    told = describe(register(DOCUMENT))

    assert [item["id"] for item in told["catalog_items"]] == [
        "63Y6RH5TIK7H:0001:2KOT5AO7UWHY",
        "63Y6RH5TIK7H:0001:JYSLBOIRBWSX",
        "63Y6RH5TIK7H:0002:AKP5VJKXZDYL",
    ]


def test_the_same_file_twice_changes_nothing_and_says_so():
    first = describe(register(DOCUMENT))
    again = describe(register(DOCUMENT, LATER))

    assert again["changed"] is False
    assert again["changes"] == []
    assert "client_secret" not in again
    assert again["catalog_items"] == first["catalog_items"]
    assert Event.objects.count() == 1
    assert Price.objects.count() == 4


def test_a_changed_price_ends_and_another_begins():
    register(DOCUMENT)
    path = ("offers", 0, "plans", 0, "terms", 0, "prices", "EUR")
    changes = register(with_member(path, "11.50"), LATER).changes

    monthly = term("team", "P1M")
    assert changes == ["offers[esign--prompt].plans[team].terms[P1M monthly].prices.EUR: 10.08 -> 11.5"]
    assert price_at(monthly, "EUR", LATER - timedelta(seconds=1)).amount == Decimal("10.08")
    assert price_at(monthly, "EUR", LATER).amount == Decimal("11.50")
    assert price_at(monthly, "PLN", LATER).valid_from == NOON
    assert Event.objects.get(name="publisher.changed").data["changes"] == changes


def test_a_price_cannot_change_before_a_change_that_is_known():
    register(DOCUMENT, LATER)

    with pytest.raises(OverlappingPrice):
        register(with_member(("offers", 0, "plans", 0, "terms", 0, "prices", "EUR"), "11.50"), NOON)

    assert Price.objects.count() == 4


def test_what_vanished_is_withdrawn_and_can_be_sold_again():
    sold = describe(register(DOCUMENT))["catalog_items"]
    fewer = copy.deepcopy(DOCUMENT)
    del fewer["offers"][0]["plans"][0]["terms"][1]
    del fewer["offers"][0]["plans"][1]

    left = describe(register(fewer, LATER))
    assert left["changes"] == [
        "offers[esign--prompt].plans[team].terms[P1Y annual]: withdrawn",
        "offers[esign--prompt].plans[vault]: withdrawn",
    ]
    assert [item["term"] for item in left["catalog_items"]] == ["P1M"]
    assert PlanTerm.objects.count() == 3

    back = describe(register(DOCUMENT, LATER + timedelta(days=1)))
    assert back["catalog_items"] == sold


def test_a_number_once_given_to_a_plan_is_not_given_to_another():
    register(DOCUMENT)
    other = copy.deepcopy(DOCUMENT)
    other["offers"][0]["plans"][1]["plan_id"] = "safe"
    register(other, LATER)

    assert Plan.objects.get(plan_id="safe").sku_id == "0003"


def test_policies_are_dated_and_the_narrowest_wins():
    register(DOCUMENT)
    team, vault = Plan.objects.get(plan_id="team"), Plan.objects.get(plan_id="vault")
    assert policy_duration("cancel_within", team, NOON) == timedelta(days=1)
    assert policy_duration("activate_within", team, NOON) == timedelta(days=30)
    assert policy_duration("activate_within", vault, NOON) == timedelta(hours=72)

    changes = register(changed(policies={"cancel_within": "P2D"}), LATER).changes

    assert changes == ["policies.cancel_within: P1D -> P2D"]
    assert policy_duration("cancel_within", team, LATER - timedelta(seconds=1)) == timedelta(days=1)
    assert policy_duration("cancel_within", team, LATER) == timedelta(days=2)


def test_given_credentials_are_used_and_kept_only_as_a_hash():
    tenant, client = uuid4(), uuid4()
    document = changed(tenant_id=str(tenant), client_id=str(client), client_secret="s3cret")
    told = describe(register(document))

    assert (told["tenant_id"], told["client_id"]) == (str(tenant), str(client))
    assert verify_secret(Client.objects.get(pk=client), "s3cret", NOON)
    assert "s3cret" not in ClientSecret.objects.get().hash
    assert ClientSecret.objects.get().hint == ""
    assert describe(register(document, LATER))["changed"] is False


def test_another_secret_replaces_the_first_at_once():
    register(changed(client_secret="the first secret"))
    registration = register(changed(client_secret="the second secret"), LATER)

    client = registration.publisher.client
    assert registration.changes == ["client_secret: replaced"]
    assert not verify_secret(client, "the first secret", LATER)
    assert verify_secret(client, "the second secret", LATER)


def test_another_client_takes_the_place_of_the_first():
    old = register(DOCUMENT).publisher.client
    new_id = uuid4()
    registration = register(changed(client_id=str(new_id)), LATER)

    old.refresh_from_db()
    assert registration.publisher.client_id == new_id
    assert registration.publisher.client.tenant_id == old.tenant_id
    assert registration.client_secret is not None
    assert not old.is_active


def test_the_client_id_of_somebody_else_is_refused():
    other = ClientFactory(name="Contoso Desk", role=Role.PUBLISHER)

    with pytest.raises(InvalidInput) as refusal:
        register(changed(client_id=str(other.pk)))

    assert str(refusal.value) == f"client_id is not valid: {other.pk} already belongs to Contoso Desk."
    assert Publisher.objects.count() == 0


def test_only_who_manages_publishers_may_register_one(admin_agent):
    with pytest.raises(NotPermitted):
        register(DOCUMENT, by=admin_agent)

    assert nothing_was_written()
    assert register(DOCUMENT, by=actor(Role.PLATFORM_ADMIN)).changes[0] == "publisher: added"


PLAN = ("offers", 0, "plans", 0)
BAD = [
    (("name",), None, "name", "it is missing."),
    (("name",), "  ", "name", "'' must have 1 to 200 characters."),
    (("name",), "a\x00b", "name", "is not plain text"),
    (("adapter",), "soap", "adapter", "'soap' is not one of saas_v2_poll, saas_v2_push, both."),
    (("fulfillment_base_url",), None, "fulfillment_base_url", "it is missing"),
    (("fulfillment_base_url",), "http://127.0.0.1/x?y=1", "fulfillment_base_url", "holds a ? or #"),
    (("landing_url",), None, "landing_url", "it is missing."),
    (("landing_url",), "http://127.0.0.1/#/landing", "landing_url", "holds a #"),
    (("tenant_id",), "contoso", "tenant_id", "'contoso' is not a UUID."),
    (("client_id",), 7, "client_id", "7 is not a UUID."),
    (("max_concurrency",), 0, "max_concurrency", "0 is not a whole number from 1 to 1000."),
    (("offers",), None, "offers", "it is missing."),
    (("offers",), {}, "offers", "{} is not a list."),
    (("offers", 0), 3, "offers[0]", "3 is not an object."),
    (("offers", 0, "offer_id"), "e sign", "offers[0].offer_id", "'e sign' is not an id"),
    (("offers", 0, "countries"), ["PL", "Germany"], "offers[0].countries[1]", "'Germany' is not a country code"),
    (("offers", 0, "one_per_customer"), "yes", "offers[0].one_per_customer", "'yes' is neither true nor false."),
    ((*PLAN, "pricing"), "metered", "offers[0].plans[0].pricing", "'metered' is not one of per_user, flat_rate."),
    ((*PLAN, "min_quantity"), 301, "offers[0].plans[0].max_quantity", "300 is not a whole number from 301"),
    ((*PLAN, "min_quantity"), 0, "offers[0].plans[0].min_quantity", "0 is not a whole number from 1"),
    ((*PLAN, "max_quantity"), 2**31, "offers[0].plans[0].max_quantity", "is not a whole number"),
    ((*PLAN, "max_quantity"), True, "offers[0].plans[0].max_quantity", "True is not a whole number"),
    ((*PLAN, "trial_days"), -1, "offers[0].plans[0].trial_days", "-1 is not a whole number from 0 to 730."),
    ((*PLAN, "plan_id"), "vault", "offers[0].plans", "'vault' stands there twice"),
    ((*PLAN, "terms", 0, "term"), "P5Y", "offers[0].plans[0].terms[0].term", "'P5Y' is not one of"),
    ((*PLAN, "terms", 0, "billing_cycle"), "weekly", "offers[0].plans[0].terms[0].billing_cycle", "'weekly' is not"),
    ((*PLAN, "terms", 0, "billing_cycle"), "annual", "offers[0].plans[0].terms[0].billing_cycle", "longer than"),
    ((*PLAN, "terms", 0, "prices"), {}, "offers[0].plans[0].terms[0].prices", "{} holds no price"),
    ((*PLAN, "terms", 0, "prices"), {"eur": "1"}, "offers[0].plans[0].terms[0].prices", "'eur' is not a currency"),
    *(
        ((*PLAN, "terms", 0, "prices", "EUR"), price, "offers[0].plans[0].terms[0].prices.EUR", "is not a price")
        for price in ("-1", -1, "1.23456", "10000000", "NaN", "1e3", "", "ten", True, [], "٣")
    ),
    ((*PLAN, "max_quantity"), 2**31 - 1, "offers[0].plans[0].terms[0].prices.EUR", "more than one charge can hold"),
    (
        ("policies",),
        {"cancel_wihtin": "P3D"},
        "policies",
        "'cancel_wihtin' is not a policy; there are activate_differing",
    ),
    (("policies",), {"cancel_within": "3 days"}, "policies.cancel_within", "'3 days' is not an ISO 8601 duration"),
    (("policies",), {"cancel_within": "P1M"}, "policies.cancel_within", "'P1M' is not an ISO 8601 duration"),
    (("policies",), {"cancel_within": "-P1D"}, "policies.cancel_within", "is not between"),
    (("policies",), {"cancel_within": "P999999999999D"}, "policies.cancel_within", "is not an ISO 8601 duration"),
    (("policies",), {"activate_within": "PT0S"}, "policies.activate_within", "is not between"),
]


@pytest.mark.parametrize(("path", "value", "field", "problem"), BAD)
def test_bad_input_is_refused_by_its_path_and_changes_nothing(path, value, field, problem):
    with pytest.raises(InvalidInput) as refusal:
        register(with_member(path, value))

    assert refusal.value.values["field"] == field
    assert problem in refusal.value.values["problem"]
    assert nothing_was_written()


@pytest.mark.parametrize("document", [None, [], "x", 3, {}])
def test_what_is_no_document_is_refused(document):
    with pytest.raises(InvalidInput):
        register(document)

    assert nothing_was_written()


def test_a_refused_secret_is_not_repeated():
    with pytest.raises(InvalidInput) as refusal:
        register(changed(client_secret="hunter2\n"))

    assert "hunter2" not in str(refusal.value)


def test_a_change_that_is_refused_changes_nothing_of_what_was_there():
    before = describe(register(DOCUMENT))
    bad = with_member((*PLAN, "pricing"), "flat_rate")
    bad["offers"][0]["title"] = "Another title"

    with pytest.raises(InvalidInput) as refusal:
        register(bad, LATER)

    assert refusal.value.values["field"] == "offers[0].plans[0].pricing"
    assert Offer.objects.get().title == "eSign"
    assert describe(register(DOCUMENT, LATER))["catalog_items"] == before["catalog_items"]


def test_a_trial_cannot_change_under_those_who_bought_it():
    register(DOCUMENT)

    with pytest.raises(InvalidInput) as refusal:
        register(with_member((*PLAN, "trial_days"), 14), LATER)

    assert refusal.value.values["field"] == "offers[0].plans[0].trial_days"
    assert Plan.objects.get(plan_id="team").trial_days == 0


@pytest.mark.parametrize("member", ["fulfillment_base_url", "landing_url", "webhook_url"])
def test_a_private_address_is_refused_where_it_is_not_allowed(settings, member):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = False
    public = dict.fromkeys(("fulfillment_base_url", "landing_url", "webhook_url"), "https://8.8.8.8/x")

    with pytest.raises(AddressNotAllowed) as refusal:
        register(changed(**public | {member: "http://10.0.0.1/x"}))

    assert str(refusal.value).startswith(f"{member} http://10.0.0.1/x is not an address this hub may call")
    assert nothing_was_written()
    assert register(changed(**public)).changes[0] == "publisher: added"


def test_a_publisher_that_only_calls_us_needs_no_address():
    document = with_member(("fulfillment_base_url",), None) | {"adapter": "saas_v2_push"}

    assert register(document).publisher.fulfillment_base_url == ""


def test_members_that_nobody_knows_are_told():
    document = with_member((*PLAN, "trail_days"), 30) | {"colour": "red"}

    assert register(document).ignored == ["offers[0].plans[0].trail_days", "colour"]


def test_what_was_bought_keeps_its_price():
    register(DOCUMENT)
    subscription = buy(term=term("team", "P1M"), at=NOON + timedelta(hours=1))
    register(with_member(("offers", 0, "plans", 0, "terms", 0, "prices", "EUR"), "99"), LATER)

    subscription.refresh_from_db()
    assert subscription.unit_price == Decimal("10.08")
    assert subscription.price.valid_to == LATER


def test_the_command_prints_the_ids_as_json(tmp_path, capsys):
    file = tmp_path / "publisher.json"
    file.write_text(json.dumps(DOCUMENT), encoding="utf-8")

    call_command("register_publisher", file)

    told = json.loads(capsys.readouterr().out)
    assert told["client_id"] == str(Publisher.objects.get().client_id)
    assert set(told) >= {"id", "tenant_id", "client_secret", "landing_url", "catalog_items"}


@pytest.mark.parametrize("content", ["{", '{"name": 1}', "[" * 100_000])
def test_the_command_refuses_a_file_in_one_sentence(tmp_path, content):
    file = tmp_path / "publisher.json"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(CommandError):
        call_command("register_publisher", file)

    assert nothing_was_written()


def test_the_command_tells_when_there_is_no_file(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file or directory"):
        call_command("register_publisher", tmp_path / "nowhere.json")
