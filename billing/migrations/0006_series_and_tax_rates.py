"""The two series of numbers, and the standard VAT rates of the European Union with the changes that are known."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import migrations

SERIES = {"invoice": "G", "credit_note": "C"}
BEGINNING = date(2025, 1, 1)
RATES = {
    "AT": "20", "BE": "21", "BG": "20", "CY": "19", "CZ": "21", "DE": "19", "DK": "25", "ES": "21", "FI": "25.5",
    "FR": "20", "GR": "24", "HR": "25", "HU": "27", "IE": "23", "IT": "22", "LT": "21", "LU": "17", "LV": "21",
    "MT": "18", "NL": "21", "PL": "23", "PT": "23", "SE": "25", "SI": "22", "SK": "23",
}  # fmt: skip
CHANGED = {"EE": ("22", date(2025, 7, 1), "24"), "RO": ("19", date(2025, 8, 1), "21")}


def add_data(apps: Any, _schema_editor: Any) -> None:
    series, rate = apps.get_model("billing", "InvoiceSeries"), apps.get_model("billing", "TaxRate")
    series.objects.bulk_create(series(kind=kind, prefix=prefix) for kind, prefix in SERIES.items())
    for country, percent in RATES.items():
        rate.objects.create(country=country, rate=Decimal(percent), valid_from=BEGINNING)
    for country, (before, day, after) in CHANGED.items():
        rate.objects.create(country=country, rate=Decimal(before), valid_from=BEGINNING, valid_to=day)
        rate.objects.create(country=country, rate=Decimal(after), valid_from=day)


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_invoices")]
    operations = [migrations.RunPython(add_data, migrations.RunPython.noop)]
