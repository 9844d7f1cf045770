"""One way of writing by several clients at once: `python -m bench.write_ways checkout|quantity|hot hub|naive N EACH`.

Each client is a process with a connection of its own. Prints as JSON how long all took, their CPU seconds and what each
transaction took. `checkout calls N` only prints so many calls of a program that check out, for a server.
"""

import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from queue import Empty
from typing import Any
from uuid import uuid4

import django

django.setup()

from django.db import connection  # noqa: E402 - once Django is there

from accounts.models import User  # noqa: E402
from accounts.policy import Actor, Role  # noqa: E402
from accounts.services.personal_tokens import make_token  # noqa: E402
from bench import naive_writes  # noqa: E402
from bench.write_limits import WARM, WORK  # noqa: E402
from partnerhub.clock import now  # noqa: E402
from subscriptions.services.checkout import checkout_cart  # noqa: E402
from subscriptions.services.edits import rename  # noqa: E402
from subscriptions.services.quantity import change_quantity  # noqa: E402

QUANTITY = 41
ROLE, LIFE = Role.ADMIN_AGENT, timedelta(hours=1)
ACTOR = Actor("client", "bench", "Bench", ROLE, (ROLE,))
_numbers = count()

Act = Callable[[dict[str, Any]], object]
ACTS: dict[tuple[str, str], Act] = {
    ("checkout", "hub"): lambda one: checkout_cart(ACTOR, one["customer_id"], one["cart_id"], at=now()),
    ("checkout", "naive"): lambda one: naive_writes.checkout(one["cart_id"], now()),
    ("quantity", "hub"): lambda one: change_quantity(ACTOR, one["id"], quantity=QUANTITY, version=None, at=now()),
    ("quantity", "naive"): lambda one: naive_writes.change_quantity(one["id"], QUANTITY, now()),
    ("hot", "hub"): lambda one: rename(ACTOR, one["id"], nickname=_nickname(), version=None, at=now()),
    ("hot", "naive"): lambda one: naive_writes.rename(one["id"], _nickname(), now()),
}


def work(what: str, number: int) -> list[dict[str, Any]]:
    """So many things to write about, or the one again and again."""
    with connection.cursor() as cursor:
        cursor.execute(WORK[what] + f" LIMIT {number}" * (what != "hot"))
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    connection.close()
    found = found * number if what == "hot" else found
    if len(found) < number:
        raise SystemExit(f"only {len(found)} of {number} are there to write about")
    return found


def client(act: Act, mine: list[dict[str, Any]], ready: Any, told: Any) -> None:
    """A client's own process: warm first, then all at once. Tells when it began and ended and what each took."""
    try:
        for one in mine[:WARM]:
            act(one)
    except BaseException:
        ready.abort()
        raise
    ready.wait()
    began, taken = time.monotonic(), []
    for one in mine[WARM:]:
        before = time.monotonic()
        act(one)
        taken.append(time.monotonic() - before)
    told.put((began, time.monotonic(), taken))
    connection.close()


def calls(number: int) -> list[dict[str, Any]]:
    """A call for each cart, all with one token of somebody new."""
    user = User.objects.create_user(f"{uuid4()}@example.com", "-", name="Bench", roles=(ROLE,))
    token = make_token(user.acting(ROLE, (ROLE,)), name="Bench", role=ROLE, expires_at=now() + LIFE, at=now())[1]
    headers = {"Authorization": f"Bearer {token}", "Content-Length": "0"}
    paths = [f"/v1/customers/{one['customer_id']}/carts/{one['cart_id']}/checkout" for one in work("checkout", number)]
    return [{"name": "checkout", "method": "POST", "path": path, "headers": headers} for path in paths]


def main() -> None:
    what, way, clients = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if way == "calls":
        sys.stdout.write(json.dumps(calls(clients)) + "\n")
    else:
        sys.stdout.write(json.dumps(together(what, way, clients, int(sys.argv[4]))) + "\n")


def together(what: str, way: str, clients: int, each: int) -> dict[str, Any]:
    """All clients at once, each with its part of the work. Raises SystemExit when one of them fails."""
    mine = each + WARM
    found = work(what, clients * mine)
    context = multiprocessing.get_context("fork")
    ready, told = context.Barrier(clients), context.Queue()
    parts = [found[number * mine : (number + 1) * mine] for number in range(clients)]
    started = [context.Process(target=client, args=(ACTS[what, way], part, ready, told)) for part in parts]
    for one in started:
        one.start()
    said: list[tuple[float, float, list[float]]] = []
    while len(said) < clients and not any(one.exitcode for one in started):
        with suppress(Empty):
            said.append(told.get(timeout=1))
    for one in started:
        one.join()
    if len(said) < clients:
        raise SystemExit("a client has failed")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = max(ended for _, ended, _ in said) - min(began for began, _, _ in said)
    return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "taken": [t for *_, one in said for t in one]}


def _nickname() -> str:
    return f"Bench {multiprocessing.current_process().pid} {next(_numbers)}"


if __name__ == "__main__":
    main()
