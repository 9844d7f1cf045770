"""Exchange rates as they were published, entered by hand or from a file; a published one is never changed."""

import csv
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TextIO

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from billing.models import ExchangeRate
from partnerhub.errors import InvalidInput

COLUMNS = ("published_on", "currency", "into", "rate", "source")
HIGHEST = Decimal(1_000_000)
FINEST = Decimal("0.000001")


@transaction.atomic
def add_rates(actor: Actor, rows: Iterable[dict[str, str]]) -> int:
    """Add published rates (COLUMNS as text); those that are known already are left alone. Returns how many are new.

    Raises NotPermitted, and InvalidInput naming the first row that is none; then nothing is added.
    """
    authorize(actor, Action.INVOICE_MANAGE)
    rates = [_rate(number, row) for number, row in enumerate(rows, 1)]
    before = ExchangeRate.objects.count()
    ExchangeRate.objects.bulk_create(rates, ignore_conflicts=True)
    return ExchangeRate.objects.count() - before


def read_rates(file: TextIO) -> list[dict[str, str]]:
    """The rows of a CSV file with COLUMNS. Raises InvalidInput without one of them."""
    reader = csv.DictReader(file)
    if missing := set(COLUMNS) - set(reader.fieldnames or ()):
        raise InvalidInput(field="file", problem=f"the columns {', '.join(sorted(missing))} are missing")
    return list(reader)


def _rate(number: int, row: dict[str, str]) -> ExchangeRate:
    currency, into, source = (str(row[name] or "").strip() for name in ("currency", "into", "source"))
    try:
        published_on, rate = date.fromisoformat(row["published_on"]), Decimal(row["rate"])
    except (ValueError, TypeError, InvalidOperation):
        raise InvalidInput(field=f"row {number}", problem="a day (YYYY-MM-DD) and a rate are expected") from None
    exact = rate.is_finite() and 0 < rate < HIGHEST and rate == rate.quantize(FINEST)
    codes = all(len(code) == 3 and code.isascii() and code.isupper() for code in (currency, into))
    if not codes or currency == into or not source or len(source) > 100 or not exact:
        raise InvalidInput(field=f"row {number}", problem="two currencies, a positive rate and its source are expected")
    return ExchangeRate(currency=currency, into=into, published_on=published_on, rate=rate, source=source)
