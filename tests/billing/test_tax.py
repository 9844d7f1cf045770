"""How a sale is taxed, and what a line's tax is."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.enums import TaxReason
from billing.tax import Party, Treatment, tax_on, treatment
from partnerhub.money import smallest_unit

POLISH = Party("PL", "PL1199900015")


@pytest.mark.parametrize(
    ("seller", "country", "vat_id", "reason", "rate_of"),
    [
        (POLISH, "PL", "", TaxReason.DOMESTIC, "PL"),
        (POLISH, "PL", "PL1199900044", TaxReason.DOMESTIC, "PL"),
        (POLISH, "DE", "DE811999005", TaxReason.REVERSE_CHARGE, None),
        (POLISH, "DE", "ATU11999006", TaxReason.REVERSE_CHARGE, None),
        (POLISH, "DE", "PL1199900044", TaxReason.DOMESTIC, "PL"),
        (POLISH, "GR", "EL094259216", TaxReason.REVERSE_CHARGE, None),
        (Party("GR", "EL094259216"), "DE", "EL094259216", TaxReason.DOMESTIC, "GR"),
        (POLISH, "DE", "", TaxReason.DESTINATION, "DE"),
        (POLISH, "DE", "CHE123456789", TaxReason.DESTINATION, "DE"),
        (POLISH, "US", "", TaxReason.EXPORT, None),
        (POLISH, "CH", "CHE-107.787.577 MWST", TaxReason.EXPORT, None),
        (Party("US"), "US", "", TaxReason.OUT_OF_SCOPE, None),
        (Party("US"), "DE", "DE811999005", TaxReason.OUT_OF_SCOPE, None),
    ],
)
def test_who_pays_tax_where(seller, country, vat_id, reason, rate_of):
    assert treatment(seller, Party(country, vat_id)) == Treatment(reason, rate_of)


@pytest.mark.parametrize(
    ("net", "rate", "currency", "tax"),
    [
        ("100.80", "23", "PLN", "23.18"),
        ("-100.80", "23", "PLN", "-23.18"),
        ("0.04", "23", "PLN", "0.00"),
        ("10.00", "25.5", "EUR", "2.55"),
        ("967", "10", "JPY", "96"),
        ("1.999", "10", "KWD", "0.199"),
        ("100.80", "0", "USD", "0.00"),
    ],
)
def test_the_tax_of_a_line_is_cut_off_at_the_smallest_unit(net, rate, currency, tax):
    assert tax_on(Decimal(net), Decimal(rate), currency) == Decimal(tax)


@given(
    st.decimals("-9999999999", "9999999999", places=4),
    st.decimals("0", "100", places=2),
    st.sampled_from(["PLN", "JPY", "KWD"]),
)
def test_no_tax_is_more_than_its_exact_share_nor_less_by_a_whole_unit(net, rate, currency):
    tax, exact, unit = tax_on(net, rate, currency), Fraction(net) * Fraction(rate) / 100, smallest_unit(currency)
    assert abs(tax) <= abs(exact) < abs(Fraction(tax)) + Fraction(unit)
    assert tax * net >= 0
    assert tax == tax.quantize(unit)
    assert str(tax)[0] != "-" or tax < 0
