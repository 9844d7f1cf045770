"""What was verified, as a file that can be verified without the hub (docs/verify_report.py)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from billing.accounts import fingerprint as charge_fingerprint
from billing.enums import InvoiceState
from billing.models import Charge
from billing.proving import with_lines
from billing.services.numbering import content
from billing.verification import CHUNK, Report
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import fingerprint as event_fingerprint

Row = dict[str, Any]


def write_report(report: Report, file: TextIO) -> None:
    """Write one JSON document: the outcome, and every row of the three chains with its hashes, in order."""
    outcome = {
        "checked": {name: getattr(report, name) for name in ("events", "charges", "starts", "invoices", "lines")},
        "faults": [{"row": fault.row, "problem": fault.problem} for fault in report.faults],
    }
    file.write('{"version": 1,\n"outcome": ' + json.dumps(outcome))
    for name, rows in (("events", _events()), ("charges", _charges()), ("invoices", _invoices())):
        file.write(f',\n"{name}": [\n')
        _write(rows, file)
        file.write("]")
    file.write("}\n")


def _write(rows: Iterable[Row], file: TextIO) -> None:
    for number, row in enumerate(rows):
        file.write(("," if number else "") + json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _events() -> Iterator[Row]:
    for event in Event.objects.order_by("stream_id", "sequence").iterator(chunk_size=CHUNK):
        yield _row(event_fingerprint(event), event)


def _charges() -> Iterator[Row]:
    for charge in Charge.objects.order_by("subscription_id", "sequence").iterator(chunk_size=CHUNK):
        yield _row(charge_fingerprint(charge), charge)


def _invoices() -> Iterator[Row]:
    """Only numbered ones: a draft has no hash yet."""
    for invoice, lines in with_lines():
        if invoice.state == InvoiceState.FINALIZED:
            yield _row(content(invoice, lines), invoice)


def _row(content: Row, kept: Any) -> Row:
    return {"content": content, "previous_hash": kept.previous_hash, "hash": kept.hash}
