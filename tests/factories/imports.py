"""Files of customers and resellers, as agents upload them."""

import csv
import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

CUSTOMER = {
    "domain": "zolta-lodz.example",
    "name": "Żółta Łódź S.A.",
    "country": "PL",
    "currency": "PLN",
    "billing_first_name": "Małgorzata",
    "billing_last_name": "Świątek",
    "billing_email": "billing@zolta-lodz.example",
    "address_line": "ul. Nabrzeżna 5",
    "city": "Gdańsk",
    "postal_code": "80-001",
    "beneficiary_name": "Łukasz Jóźwiak",
    "beneficiary_email": "it@zolta-lodz.example",
}


def table(rows: list[dict[str, Any]], *, delimiter: str = ",") -> bytes:
    """The rows as CSV under the columns of the first one."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def uploaded(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("rows.csv", content, content_type="text/csv")
