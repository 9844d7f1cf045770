"""Who issues our invoices: settings of the hub, copied onto each draft."""

from django.conf import settings

from billing.tax import Party
from partnerhub.errors import SellerIncomplete

_NEEDED = ("name", "address", "country")


def seller_profile() -> dict[str, str]:
    """Name, address (lines apart by a semicolon), VAT id, country and bank account. Raises SellerIncomplete."""
    profile = {
        "name": settings.HUB_SELLER_NAME,
        "address": settings.HUB_SELLER_ADDRESS,
        "vat_id": settings.HUB_SELLER_VAT_ID,
        "country": settings.HUB_SELLER_COUNTRY,
        "bank_account": settings.HUB_SELLER_BANK_ACCOUNT,
        "partner_id": settings.HUB_PARTNER_ID,
    }
    missing = [f"HUB_SELLER_{name.upper()}" for name in _NEEDED if not profile[name]]
    if missing:
        raise SellerIncomplete(missing=", ".join(missing))
    return profile


def party(profile: dict[str, str]) -> Party:
    """A seller's or a buyer's profile, as far as tax depends on it."""
    return Party(profile["country"], profile["vat_id"])
