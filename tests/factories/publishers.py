from decimal import Decimal
from importlib import import_module

import factory
from django.apps import apps

from accounts.policy import Role
from publishers.models import Adapter, BillingCycle, Offer, Plan, PlanTerm, Policy, Price, Pricing, Publisher, Term
from tests.factories.accounts import LONG_AGO, ClientFactory


class PublisherFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Publisher

    name = factory.Sequence(lambda number: f"Publisher {number}")
    adapter = Adapter.POLL
    fulfillment_base_url = factory.Sequence(lambda number: f"http://127.0.0.1:9/publisher{number}")
    landing_url = "https://publisher.example/landing"
    client = factory.SubFactory(ClientFactory, role=Role.PUBLISHER)
    created_at = LONG_AGO


class OfferFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Offer

    publisher = factory.SubFactory(PublisherFactory)
    offer_id = factory.Sequence(lambda number: f"offer{number}")
    product_id = factory.Sequence(lambda number: f"DZH{number:09d}")
    title = factory.Sequence(lambda number: f"Offer {number}")


class PlanFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Plan

    offer = factory.SubFactory(OfferFactory)
    plan_id = factory.Sequence(lambda number: f"plan{number}")
    sku_id = "0001"
    title = factory.Sequence(lambda number: f"Plan {number}")
    pricing = Pricing.PER_USER
    min_quantity = 1
    max_quantity = 100


class PlanTermFactory(factory.django.DjangoModelFactory):
    """A monthly plan term at 10.08 EUR a licence, unless told otherwise; `amounts` are prices by currency."""

    class Meta:
        model = PlanTerm
        skip_postgeneration_save = True

    plan = factory.SubFactory(PlanFactory)
    term = Term.P1M
    billing_cycle = BillingCycle.MONTHLY
    availability_id = factory.Sequence(lambda number: f"DZA{number:09d}")

    @factory.post_generation
    def amounts(self, create, extracted, **kwargs):
        for currency, amount in (extracted or {"EUR": "10.08"}).items():
            Price.objects.create(plan_term=self, currency=currency, amount=Decimal(amount), valid_from=LONG_AGO)


def restore_default_policies() -> None:
    """Write the migration's policies again where a test that committed has emptied every table at its end."""
    if not Policy.objects.exists():
        for migration in (
            "0002_default_policies",
            "0004_more_default_policies",
            "0006_watching_and_billing_policies",
            "0007_added_seats_price",
            "0009_operations_policies",
            "0011_retention_policies",
        ):
            import_module(f"publishers.migrations.{migration}").add_defaults(apps, None)
