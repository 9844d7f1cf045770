"""Jobs over a filled database, each in a process of its own: `python -m bench.job_ways JOB [ROWS]`.

It tells what it did as one line of JSON: rows, seconds, seconds until the first byte of a file, CPU seconds, and the
memory (MB) of its process before and at its peak.
"""

import csv
import io
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast
from uuid import UUID

import django

django.setup()

from django.db import connection, transaction  # noqa: E402 - once Django is there
from django.db.models import QuerySet  # noqa: E402
from django.http import StreamingHttpResponse  # noqa: E402
from django.test import Client as Browser  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.policy import SYSTEM, Role  # noqa: E402
from bench.charges import BILLED_AT, MONTH  # noqa: E402
from billing.invoicing import draft_month, finalize_reviewed  # noqa: E402
from billing.models import Charge, InvoiceLine  # noqa: E402
from billing.services.charging import charge_cycles  # noqa: E402
from billing.services.statements import import_statement  # noqa: E402
from billing.statement_file import read_statement  # noqa: E402
from partnerhub.jobs.models import Job  # noqa: E402
from partnerhub.jobs.services import confirm  # noqa: E402
from partnerhub.jobs.working import Worker  # noqa: E402
from publishers.models import Publisher  # noqa: E402
from subscriptions.bulk import plan_selected  # noqa: E402
from subscriptions.enums import Status  # noqa: E402
from subscriptions.filters import matching  # noqa: E402
from subscriptions.models import Subscription  # noqa: E402
from subscriptions.services.bulk import change_as_shown, rehearse  # noqa: E402
from subscriptions.services.renewal import renew_due  # noqa: E402
from subscriptions.views.exports import FIELDS  # noqa: E402

EMAIL = "jobs@example.com"
NUMBERED_AT = BILLED_AT + timedelta(days=10)
RENEWED_AT = datetime(2027, 11, 20, tzinfo=UTC)
CYCLE_TICKS = 5
RENEWED = 50
RENAMED = {"nickname": "Renamed"}
LIST, MONTHS = "/subscriptions/export", "/billing/reconciliation"
_first = 0.0


def drafted() -> int:
    """A month's drafts."""
    draft_month(SYSTEM, MONTH, at=BILLED_AT)
    return InvoiceLine.objects.count()


def numbered() -> int:
    """Their numbers."""
    return finalize_reviewed(SYSTEM, reviewed_by=NUMBERED_AT.date(), at=NUMBERED_AT)[0]


def charged() -> int:
    """The cycles of some ticks."""
    return sum(charge_cycles(SYSTEM, at=BILLED_AT) for _ in range(CYCLE_TICKS))


def renewed() -> int:
    """Some of the terms that are over, as a tick renews them."""
    return renew_due(SYSTEM, at=RENEWED_AT, limit=RENEWED)


def imported() -> int:
    """A publisher's statement with a line for each of its subscriptions."""
    publisher = Publisher.objects.order_by("pk")[0]
    file = io.BytesIO()
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(["subscription", "period", "quantity", "amount", "currency"])
    found = Subscription.objects.values_list("pk", "quantity", "unit_price", "currency").iterator()
    lines.writerows([pk, "2026-10", quantity, price * quantity, currency] for pk, quantity, price, currency in found)
    file.seek(0)
    rows = read_statement(file, "statement.csv")
    return import_statement(_agent().actor(), publisher.pk, "bench", rows, at=BILLED_AT).added


def sent(address: str) -> int:
    """A file as an agent's browser gets it: how many line ends it has."""
    answer = cast(StreamingHttpResponse, _browser().get(address))
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}")
    return _read(cast("Iterable[bytes]", answer.streaming_content))


def book(address: str, rows: QuerySet[Any]) -> int:
    """A workbook as an agent's browser gets it, and how many rows it must have."""
    sent(address)
    return rows.count()


@cache
def _browser() -> Browser:
    browser = Browser()
    browser.force_login(_agent())
    # Once before it counts: a server has read its addresses and templates, too.
    browser.get("/subscriptions/export.csv?q=nobody-is-called-so")
    return browser


def _read(chunks: Iterable[bytes]) -> int:
    global _first
    lines = 0
    for chunk in chunks:
        _first = _first or time.monotonic()
        lines += bytes(chunk).count(b"\n")
    return lines


def bulk(count: int) -> int:
    """Plan and do the change of so many nicknames, as a worker does."""
    actor = _agent().actor()
    ids = _some(count)
    job = plan_selected(actor, ids, None, RENAMED, reason="Measured", at=BILLED_AT)
    Worker(600, job.pk, clock=lambda: BILLED_AT).run()
    confirm(actor, job.pk, at=BILLED_AT)
    Worker(600, job.pk, clock=lambda: BILLED_AT).run()
    return Job.objects.get(pk=job.pk).rows.filter(status="done").count()


def one_by_one(count: int) -> int:
    """Rehearse and make the same changes by the services alone, each in a transaction."""
    actor = _agent().actor()
    found = _some(count)
    for one in found:
        with transaction.atomic():
            shown = rehearse(actor, one, RENAMED, reason="Measured", at=BILLED_AT)
        with transaction.atomic():
            given = {"reason": "Measured", "version": shown.version, "due_today": None, "at": BILLED_AT}
            change_as_shown(actor, one, RENAMED, **given)
    return len(found)


def copied() -> int:
    """What the database needs by itself to send the rows of the list's file."""
    found = matching(_agent().actor(), "", at=BILLED_AT).select_related(None).prefetch_related(None)
    sql, given = found.values_list(*FIELDS).query.sql_with_params()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT WITH CSV", given) as copy:
        return _read(copy)


def listed() -> int:
    """As it is usually written: a list of objects, and the file whole before it is sent."""
    related = {"__".join(name.split("__")[:-1]) for name in FIELDS} - {""}
    found = list(matching(_agent().actor(), "", at=BILLED_AT).select_related(*related))
    text = io.StringIO()
    csv.writer(text).writerows([_attribute(one, name) for name in FIELDS] for one in found)
    return _read([text.getvalue().encode()])


def _attribute(one: object, name: str) -> object:
    for part in name.split("__"):
        one = getattr(one, part, None)
    return one


def _some(count: int) -> list[UUID]:
    running = Subscription.objects.filter(status=Status.SUBSCRIBED).exclude(**RENAMED).order_by("pk")
    return list(running.values_list("pk", flat=True)[:count])


def _agent() -> User:
    found = User.objects.filter(email=EMAIL).first()
    return found or User.objects.create_user(EMAIL, "-", name="Bench", roles=(Role.ADMIN_AGENT,))


JOBS: dict[str, Callable[[], int]] = {
    "billing run": drafted,
    "numbers of invoices": numbered,
    "cycles": charged,
    "renewals": renewed,
    "statement": imported,
    "subscriptions.csv": lambda: sent(f"{LIST}.csv"),
    "subscriptions.xlsx": lambda: book(f"{LIST}.xlsx", Subscription.objects.all()),
    "reconciliation.csv": lambda: sent(f"{MONTHS}.csv?period={MONTH}"),
    "reconciliation.xlsx": lambda: book(f"{MONTHS}.xlsx?period={MONTH}", Charge.objects.all()),
    "forecast.csv": lambda: sent("/billing/forecast/lines.csv"),
    "bulk": lambda: bulk(int(sys.argv[2])),
    "one by one": lambda: one_by_one(int(sys.argv[2])),
    "COPY": copied,
    "list of objects": listed,
}


def main() -> None:
    connection.ensure_connection()
    if "." in sys.argv[1]:
        _browser()
    before, begun, used = _peak(), time.monotonic(), time.process_time()
    rows = JOBS[sys.argv[1]]()
    ended = time.monotonic()
    told = {"rows": rows, "seconds": ended - begun, "first": _first - begun if _first else ended - begun}
    told |= {"cpu": time.process_time() - used, "before": before, "peak": _peak()}
    sys.stdout.write(json.dumps(told) + "\n")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
