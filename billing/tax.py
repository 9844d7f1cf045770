"""How a sale is taxed. Pure: the rates themselves are dated data (`TaxRate`)."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from billing.enums import TaxReason
from partnerhub.money import smallest_unit

# The states of the European Union (ISO 3166); a Greek VAT id begins with EL.
UNION = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
_STATE_OF_PREFIX = {"EL": "GR"}
# Tax offices that want the tax in their own currency, whatever an invoice is in.
LOCAL_CURRENCY = {"PL": "PLN"}


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys, as far as tax depends on it."""

    country: str
    vat_id: str = ""


@dataclass(frozen=True, slots=True)
class Treatment:
    """Why a sale is taxed as it is, and by the rate of which country; None: not at all."""

    reason: TaxReason
    rate_of: str | None


@dataclass(frozen=True, slots=True)
class Taxed:
    """The rate (percent) that applies, and why."""

    rate: Decimal
    reason: TaxReason


def treatment(seller: Party, buyer: Party) -> Treatment:
    """How a seller's service to a buyer is taxed: at home at the seller's rate; to a business of another state of the
    Union (one with a VAT id of such a state) by reverse charge, to others there at that state's rate; exported, not.
    """
    if seller.country not in UNION:
        return Treatment(TaxReason.OUT_OF_SCOPE, None)
    if seller.country in (buyer.country, _state_of(buyer.vat_id)):
        return Treatment(TaxReason.DOMESTIC, seller.country)
    if buyer.country not in UNION:
        return Treatment(TaxReason.EXPORT, None)
    if _state_of(buyer.vat_id) in UNION:
        return Treatment(TaxReason.REVERSE_CHARGE, None)
    return Treatment(TaxReason.DESTINATION, buyer.country)


def tax_on(net: Decimal, rate: Decimal, currency: str) -> Decimal:
    """The tax of one line: cut off at the currency's smallest unit, then summed (rule 75b)."""
    # Exact: a net of 14 digits by a rate of 5 are fewer than a Decimal keeps. The plus sign makes -0 a 0.
    return +(net * rate).scaleb(-2).quantize(smallest_unit(currency), ROUND_DOWN)


def _state_of(vat_id: str) -> str:
    prefix = vat_id[:2].upper()
    return _STATE_OF_PREFIX.get(prefix, prefix)
