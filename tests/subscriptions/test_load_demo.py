import json
import stat
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings

from accounts.models import Client, User
from accounts.policy import Role
from accounts.services.clients import verify_secret
from billing.models import Charge
from customers.models import Customer
from partnerhub.outbox.models import Delivery, Event
from publishers.demo.store import Store
from publishers.models import Adapter, Pricing, Publisher
from publishers.selectors import item_for_purchase
from subscriptions.cancellation import How
from subscriptions.demo.loading import load
from subscriptions.demo.people import PASSWORD
from subscriptions.enums import EndReason, Reason, Status
from subscriptions.marketplace import STATUSES
from subscriptions.models import ChangeRequest, Gate, Operation, PollSchedule, ScheduledRenewal, Subscription
from subscriptions.selectors import batches_of
from subscriptions.services.ending import cancel_terms

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


HUB = {"HUB_ALLOW_PRIVATE_PUBLISHERS": True, "HUB_BASE_URL": "http://127.0.0.1:8000", "HUB_PORT": 8000}


@pytest.fixture(scope="module")
def loaded(django_db_setup, django_db_blocker, tmp_path_factory):
    """The folder of a demo loaded once for all tests here; each one's own transaction lies inside this one."""
    folder = tmp_path_factory.mktemp("hub")
    with django_db_blocker.unblock(), override_settings(HUB_DATA=folder, **HUB), transaction.atomic():
        load(folder / "demo.json", at=NOW)
        yield folder
        transaction.set_rollback(True)


@pytest.fixture
def path(loaded, tmp_path, settings):
    """demo.json of a hub whose demo is loaded."""
    settings.HUB_DATA = tmp_path
    for name, value in HUB.items():
        setattr(settings, name, value)
    return Path(copy(loaded / "demo.json", tmp_path))


def told(path):
    return json.loads(path.read_text(encoding="utf-8"))


def counts():
    models = (User, Client, Publisher, Customer, Subscription, Charge, Event)
    return {model.__name__: model.objects.count() for model in models}


def test_the_demo_file_tells_programs_all_they_need(path):
    demo = told(path)

    assert list(demo) == ["base_url", "api", "publishers", "customers", "catalog_items"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(demo["api"]) == {"tenant_id", "client_id", "client_secret"}
    assert {publisher["adapter"] for publisher in demo["publishers"]} == set(Adapter.values)
    for publisher in demo["publishers"]:
        assert set(publisher) == {
            "id", "name", "adapter", "tenant_id", "client_id", "client_secret", "landing_url", "webhook_url",
        }  # fmt: skip
        client = Client.objects.get(pk=publisher["client_id"], tenant_id=publisher["tenant_id"])
        assert verify_secret(client, publisher["client_secret"], NOW)
    assert all(
        set(item) == {"id", "publisher", "offer", "plan", "term", "billing_cycle", "min", "max", "price", "currency"}
        for item in demo["catalog_items"]
    )


def test_the_demo_has_what_it_promises(path):
    demo = told(path)

    assert len(demo["publishers"]) == 6
    assert len({item["offer"] for item in demo["catalog_items"]}) >= 8
    assert len(demo["customers"]) == 12
    assert Counter(Customer.objects.values_list("currency", flat=True)) == {"EUR": 5, "PLN": 4, "USD": 3}
    for email, roles in {
        "admin": {Role.ADMIN_AGENT},
        "sales": {Role.SALES_AGENT},
        "ops": {Role.OPS_AGENT},
        "platform": {Role.PLATFORM_ADMIN},
        "both": {Role.SALES_AGENT, Role.ADMIN_AGENT},
    }.items():
        user = User.objects.get(email=f"{email}@partnerhub.example")
        assert user.check_password(PASSWORD)
        assert set(user.actor().roles) == roles


def test_the_first_customer_can_buy_everything(path):
    demo = told(path)
    customer = Customer.objects.get(pk=demo["customers"][0]["id"])

    for item in demo["catalog_items"]:
        term, price = item_for_purchase(item["id"], customer.country, customer.currency, NOW)
        assert (f"{price.amount:.2f}", price.currency) == (item["price"], item["currency"])
        assert not (
            term.plan.offer.one_per_customer
            and Subscription.objects.filter(customer=customer, offer=term.plan.offer).exists()
        )


def test_subscriptions_stand_in_every_state(path):
    states = set(Subscription.objects.values_list("status", "end_reason"))
    assert states == {
        (Status.PENDING, ""),
        (Status.SUBSCRIBED, ""),
        (Status.SUSPENDED, ""),
        (Status.UNSUBSCRIBED, EndReason.CANCELLED),
        (Status.UNSUBSCRIBED, EndReason.VOIDED),
    }
    reasons = set(Gate.objects.filter(subscription__status=Status.PENDING).values_list("reason", flat=True))
    assert reasons >= {
        Reason.AWAITING_CUSTOMER_SETUP,
        Reason.PARTIAL_ASSIGNMENT,
        Reason.PUBLISHER_ASKS,
        Reason.PUBLISHER_REFUSED,
    }
    refused = Subscription.objects.filter(gates__reason=Reason.PUBLISHER_REFUSED).first()
    assert NOW < refused.activate_by < NOW + timedelta(days=1)


def test_what_is_active_was_charged_and_nothing_else_was(path):
    charged = Charge.objects.filter(reverses=None).values_list("subscription_id", flat=True)
    assert set(charged) == set(Subscription.objects.exclude(activated_at=None).values_list("pk", flat=True))
    assert Charge.objects.filter(charge_type="cancelImmediate").count() == 1
    assert not Delivery.objects.filter(delivered_at=None, handler="billing.handlers").exists()
    assert not PollSchedule.objects.exclude(subscription__status=Status.PENDING).exclude(next_poll_at=None).exists()


def test_changes_stand_in_every_state(path):
    changes = Operation.objects.filter(action="change_quantity")
    assert Counter(changes.values_list("status", "accepted_by")) == {
        ("succeeded", "publisher"): 2,
        ("succeeded", "silence"): 1,
        ("failed", ""): 1,
        ("not_started", ""): 1,
    }
    waiting = changes.get(status="not_started")
    assert (waiting.created_at, waiting.due_at) == (NOW - timedelta(hours=3), NOW + timedelta(days=5, hours=-3))
    requests = ChangeRequest.objects.values_list("subscription__offer__offer_id", "status")
    assert set(requests) == {
        ("helpdesk", "declined"),
        ("esign-express--prompt", "open"),
        ("contracts--partial", "open"),
    }
    assert set(ScheduledRenewal.objects.values_list("subscription__nickname", "quantity")) == {("Jena", 20)}
    support = Subscription.objects.get(nickname="Support")
    assert [batch.remaining for batch in batches_of(support)] == [10, 6, 2]


def test_some_terms_end_within_days_and_cancelling_takes_steps_or_an_agreement(path):
    soon = Subscription.objects.filter(status=Status.SUBSCRIBED, term_end__lte=NOW.date() + timedelta(days=6))
    assert set(soon.values_list("offer__offer_id", "auto_renew")) == {("mailguard--prompt", True), ("backup", False)}
    enterprise = Subscription.objects.get(nickname="Serwis")
    terms = cancel_terms(enterprise, NOW)
    assert (terms.how, len(terms.steps)) == (How.BY_AGREEMENT, 2)


def test_nothing_lies_in_the_future(path):
    assert not Delivery.objects.filter(delivered_at__gt=NOW).exists()
    assert not Event.objects.filter(at__gt=NOW).exists()
    assert not Subscription.objects.filter(status=Status.PENDING, activate_by__lte=NOW).exists()
    assert not Subscription.objects.filter(status=Status.SUBSCRIBED, term_end__lte=NOW.date()).exists()


def test_the_vendor_remembers_the_orders_as_they_stand(loaded):
    store = Store(loaded / "publisher")
    found_running = Subscription.objects.filter(status__in=[Status.SUBSCRIBED, Status.SUSPENDED])
    running = {str(found.pk): found for found in found_running}
    orders = store.orders.values()
    kept = {order.id: (str(order.status), order.plan_id, order.quantity, order.assigned) for order in orders}
    under_way = {
        order.offer_id: (str(order.status), order.quantity, order.assigned)
        for order in orders
        if order.id not in running
    }
    store.close()
    assert under_way == {
        "contracts--partial": ("Subscribed", 7, 4),
        "seal--asks": ("PendingFulfillmentStart", None, 0),
        "vault--refuses": ("Unsubscribed", 6, 0),
    }
    for key, found in running.items():
        seats = found.quantity if found.plan.pricing == Pricing.PER_USER else None
        assert kept[key] == (STATUSES[Status(found.status)], found.plan.plan_id, seats, seats or 0)


def test_loading_again_keeps_everything(path):
    before, file = counts(), path.read_bytes()

    assert load(path, at=NOW + timedelta(days=3)) == "The demo data is there already."
    assert counts() == before
    assert path.read_bytes() == file


@pytest.mark.parametrize("left", [None, "", "{", "[]", '{"api": {}, "publishers": []}'])
def test_a_lost_file_is_written_anew_with_other_secrets(path, left):
    before, first = counts(), told(path)
    path.unlink()
    if left is not None:
        path.write_text(left, encoding="utf-8")

    load(path, at=NOW + timedelta(minutes=1))

    again = told(path)
    assert again["api"]["client_id"] == first["api"]["client_id"]
    api_client = Client.objects.get(pk=UUID(first["api"]["client_id"]))
    assert verify_secret(api_client, again["api"]["client_secret"], NOW + timedelta(minutes=1))
    assert not verify_secret(api_client, first["api"]["client_secret"], NOW + timedelta(minutes=1))
    assert {**counts(), "Event": 0} == {**before, "Event": 0}


def test_the_publishers_move_with_the_hub(path, settings):
    first = told(path)
    settings.HUB_PORT, settings.HUB_BASE_URL = 8100, "http://127.0.0.1:8100"

    assert load(path, at=NOW + timedelta(minutes=1)) == "Moved the demo to http://127.0.0.1:8100."

    moved = told(path)
    assert moved["base_url"] == "http://127.0.0.1:8100"
    assert moved["publishers"][0]["landing_url"] == "http://127.0.0.1:8101/northwind-sign/landing"
    assert moved["publishers"][0]["client_secret"] == first["publishers"][0]["client_secret"]
    assert not Publisher.objects.exclude(fulfillment_base_url__startswith="http://127.0.0.1:8101/").exists()


def test_the_demo_never_loads_in_production(settings, path):
    settings.IN_PRODUCTION = True
    path.unlink()

    with pytest.raises(CommandError):
        call_command("load_demo")

    assert not path.exists()
