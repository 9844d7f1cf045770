"""One round of staff's pages over one database, in this process: `python -m bench.page_ways TIMES`; what reads how many
rows: `python -m bench.page_ways plans`; the cookie of somebody who is signed in: `python -m bench.page_ways cookie`.

Prints as JSON, by page, the seconds of each time, the CPU seconds of this process and of its database's session, the
statements and the bytes.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402 - once Django is there
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.policy import Role  # noqa: E402
from bench.plans import plans_of  # noqa: E402
from billing.models import Invoice  # noqa: E402
from partnerhub.clock import now  # noqa: E402
from subscriptions.enums import Status  # noqa: E402
from subscriptions.models import Subscription  # noqa: E402
from subscriptions.services.ranking import keep_ranked  # noqa: E402

EMAIL = "pages@example.com"
PARTIAL = {"HX-Request": "true", "HX-Target": "results"}
_TICKS = os.sysconf("SC_CLK_TCK")
Page = Callable[[], bytes]


def main() -> None:
    keep_ranked(at=now())  # as the scheduler does all the time
    client = _agent()
    if sys.argv[1] == "cookie":
        name = settings.SESSION_COOKIE_NAME
        sys.stdout.write(json.dumps({"name": name, "value": client.cookies[name].value}))
        return
    pages = _pages(client)
    measure = _plan if sys.argv[1] == "plans" else lambda page: _measured(page, int(sys.argv[1]))
    sys.stdout.write(json.dumps({name: measure(page) for name, page in pages.items()}))


def addresses() -> dict[str, str]:
    """The pages that are measured, by name; those of one thing are of something that waits."""
    one = Subscription.objects.filter(status=Status.PENDING).order_by("-purchased_at", "-id")[0]
    lists = "/subscriptions/"
    found = {
        "list": lists,
        "list, owner": f"{lists}?owner=customer",
        "list, reason": f"{lists}?reason=awaiting_customer_setup",
        "list, rare reason": f"{lists}?reason=publisher_silent",
        "list, renews within": f"{lists}?renews_within=30",
        "list, auto-renew off": f"{lists}?auto_renew=off",
        "customer's list": f"/customers/{one.customer_id}/",
        "subscription": f"/subscriptions/{one.pk}/",
        "queue": "/attention/",
        "Home": "/",
        "customers": "/customers/",
        "activity": "/activity/",
        "invoices": "/billing/invoices/",
    }
    invoice = Invoice.objects.order_by("-id").first()
    return found | ({"invoice": f"/billing/invoices/{invoice.pk}/"} if invoice else {})


def _pages(client: Client) -> dict[str, Page]:
    found = {name: _page(client, address) for name, address in addresses().items()}
    return found | {"list, htmx part": _page(client, "/subscriptions/", PARTIAL)}


def _page(client: Client, address: str, headers: dict[str, str] | None = None) -> Page:
    def get() -> bytes:
        answer = client.get(address, headers=headers)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        return answer.content

    return get


def _measured(page: Page, times: int) -> dict[str, Any]:
    page()
    with CaptureQueriesContext(connection) as captured:
        size = len(page())
        statements = len(captured)
    database = _session()
    seconds, used, read = [], time.process_time(), _cpu(database)
    for _ in range(times):
        began = time.perf_counter()
        page()
        seconds.append(time.perf_counter() - began)
    cpu = (time.process_time() - used + _cpu(database) - read) / times
    return {"seconds": seconds, "cpu": cpu, "statements": statements, "bytes": size}


def _plan(page: Page) -> dict[str, Any]:
    """The rows that a page's statements read, and the tables that are read as a whole."""
    plans = plans_of(page)
    whole = {table: rows for plan in plans for table, rows in plan.whole.items()}
    return {"read": sum(plan.read for plan in plans), "ms": sum(plan.ms for plan in plans), "whole": whole}


def _agent() -> Client:
    user = User.objects.filter(email=EMAIL).first()
    client = Client()
    client.force_login(user or User.objects.create_user(EMAIL, "-", name="Pages", roles=(Role.ADMIN_AGENT,)))
    return client


def _session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[11:13])) / _TICKS


if __name__ == "__main__":
    main()
