import factory

from customers.models import Customer, IndirectReseller
from tests.factories.accounts import LONG_AGO


class ResellerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = IndirectReseller

    partner_id = factory.Sequence(lambda number: str(5_000_000 + number))
    name = factory.Sequence(lambda number: f"Reseller {number}")
    country = "DE"
    agreement_signed_at = LONG_AGO


class CustomerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Customer

    name = factory.Sequence(lambda number: f"Customer {number}")
    domain = factory.Sequence(lambda number: f"customer{number}.example")
    country = "DE"
    currency = "EUR"
    billing_first_name = "Erika"
    billing_last_name = "Mustermann"
    billing_email = "billing@customer.example"
    address_line = "Hauptstraße 1"
    city = "Berlin"
    postal_code = "10115"
    beneficiary_name = "Max Mustermann"
    beneficiary_email = "max@customer.example"
    created_at = LONG_AGO
