"""What must be true after every drill, asked of the database, of the publishers' own book, and of `verify_ledger`.

The questions are SQL of their own and share no code with the hub: a mistake of the hub is not made here as well.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from partnerhub.drills.hub import Hub
from partnerhub.drills.load import LIARS, Change, Load
from partnerhub.drills.waiting import NeverHappenedError

BOUGHT = """
SELECT s.nickname, s.id::text, s.status, s.quantity,
       (SELECT coalesce(sum(quantity), 0) FROM subscriptions_seattranche WHERE subscription_id = s.id),
       (SELECT count(*) FROM subscriptions_billingstart WHERE subscription_id = s.id),
       (SELECT count(*) FROM billing_charge WHERE subscription_id = s.id AND charge_type = 'new'),
       (SELECT count(DISTINCT cause_id) FROM billing_charge WHERE subscription_id = s.id),
       (SELECT min(confirmed_at) FROM billing_charge WHERE subscription_id = s.id)
  FROM subscriptions_subscription AS s WHERE s.nickname LIKE %s"""
CHANGED = """
SELECT subscription_id::text, status, (payload #>> '{after,quantity}')::int
  FROM subscriptions_operation WHERE subscription_id = ANY(%s::uuid[]) AND action = 'change_quantity'
 ORDER BY created_at, id"""
UNDER_WAY = """
SELECT count(*) FROM subscriptions_operation WHERE subscription_id = ANY(%s::uuid[]) AND completed_at IS NULL"""
UNHEARD = "SELECT count(*), coalesce(max(last_error), '') FROM outbox_delivery WHERE delivered_at IS NULL"
# A claim whose lease has run out and that nobody took over.
_STUCK_ONE = """
SELECT '{0}', count(*) FROM {0} AS row
 WHERE row.lease_until < now() - interval '30 s' AND {1}"""
_LEASED = {
    "subscriptions_pollschedule": "next_poll_at < now() - interval '30 s'",
    "subscriptions_operation": "next_attempt_at < now() - interval '30 s' AND completed_at IS NULL",
    "subscriptions_driftcheck": "next_check_at < now() - interval '30 s'",
    "mail_message": "next_attempt_at < now() - interval '30 s'",
    "hooks_delivery": "next_attempt_at < now() - interval '30 s'",
    "notifications_delivery": "next_attempt_at < now() - interval '30 s'",
    "jobs_jobrow": "row.status = 'running' AND (SELECT status FROM jobs_job WHERE id = row.job_id) = 'running'",
}
STUCK = " UNION ALL ".join(_STUCK_ONE.format(table, due) for table, due in _LEASED.items())
SESSIONS = """
SELECT count(*) FROM pg_stat_activity
 WHERE state LIKE 'idle in transaction%%' AND state_change < now() - interval '30 s' AND datname = current_database()"""


@dataclass
class Figures:
    """What went in, and what was accounted for."""

    asked: int = 0
    accounted: int = 0
    purchases: int = 0
    changes: int = 0
    changes_refused: int = 0
    liars: int = 0
    calls: int = 0
    calls_in_vain: int = 0


@dataclass
class Finding:
    """The end of an audit: `problems` is empty when everything holds."""

    figures: Figures = field(default_factory=Figures)
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.problems and self.figures.asked == self.figures.accounted


@dataclass(frozen=True)
class Bought:
    """One subscription as the database holds it."""

    id: str
    status: str
    quantity: int
    tranches: int
    starts: int
    first_charges: int
    causes: int
    charged_from: datetime | None


@dataclass
class Audit:
    """One load's acts against one hub. `slack` is how far the hub's clocks were set apart meanwhile."""

    hub: Hub
    load: Load
    slack: timedelta = timedelta()

    def run(self) -> Finding:
        """Wait for everything that is under way to end, then look at all of it."""
        finding = Finding(self._counted())
        finding.problems += self.load.troubles
        for what, check in self._endings().items():
            try:
                self.hub.until(check, what=what)
            except NeverHappenedError as never:
                finding.problems.append(f"{never}; {self._more()}")
        bought, changed = self._bought(), self._changed()
        for name, problems in self._each(bought, changed):
            finding.problems += [f"{name}: {problem}" for problem in problems]
            finding.figures.accounted += not problems
        known = {purchase.name for purchase in self.load.purchases}
        finding.problems += [f"{name} was never asked for" for name in bought if name not in known]
        verified = self.hub.manage("verify_ledger")
        if verified.returncode:
            finding.problems.append(f"verify_ledger: {verified.stdout.strip()} {verified.stderr.strip()[-500:]}")
        return finding

    def _counted(self) -> Figures:
        load = self.load
        refused = sum(change.refused for change in load.changes)
        liars = sum(purchase.offer in LIARS for purchase in load.purchases)
        changes = len(load.changes)
        return Figures(load.acts, 0, len(load.purchases), changes, refused, liars, load.calls, load.unanswered_calls)

    def _endings(self) -> dict[str, Any]:
        ours = [one.subscription_id for one in self.load.purchases if one.subscription_id]
        honest = [one.subscription_id for one in self.load.purchases if one.opened and one.offer not in LIARS]
        charged = "SELECT count(DISTINCT subscription_id) FROM billing_charge WHERE subscription_id = ANY(%s::uuid[])"
        return {
            "The hub is ready": self.hub.is_ready,
            "Everything confirmed is charged": lambda: self._number(charged, honest) == len(honest),
            "No change is under way": lambda: self._number(UNDER_WAY, ours) == 0,
            "Both sides hold the same": lambda: not self._differences(),
            "The outbox is drained": lambda: self._number(UNHEARD) == 0,
            "No claim is stuck": lambda: not any(count for _, count in self.hub.rows(STUCK)),
            "No transaction is left open": lambda: self._number(SESSIONS) == 0,
        }

    def _more(self) -> str:
        """What helps to see why an ending did not come."""
        return f"{self._differences()}, {self.hub.rows(UNHEARD)}, {self.hub.rows(STUCK)}, {self.hub.said[-5:]}"

    def _number(self, statement: str, *values: Any) -> int:
        return int(self.hub.rows(statement, *values)[0][0])

    def _bought(self) -> dict[str, list[Bought]]:
        found: dict[str, list[Bought]] = {}
        for name, *facts in self.hub.rows(BOUGHT, f"{self.load.name} %"):
            found.setdefault(name, []).append(Bought(*facts))
        return found

    def _changed(self) -> dict[str, list[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        ids = [one.subscription_id for one in self.load.purchases if one.subscription_id]
        for id, status, quantity in self.hub.rows(CHANGED, ids):
            found.setdefault(id, []).append((status, quantity))
        return found

    def _each(
        self, bought: dict[str, list[Bought]], changed: dict[str, list[tuple[str, int]]]
    ) -> Iterator[tuple[str, list[str]]]:
        """Each act by its name, and what is wrong with it."""
        book = publishers_book(self.hub)
        for purchase in self.load.purchases:
            rows = bought.get(purchase.name, [])
            yield purchase.name, list(purchase_problems(rows, purchase.offer, changed, book, self.slack))
        for number, change in enumerate(self.load.changes, 1):
            yield f"Change {number}", list(change_problems(change, changed.get(change.subscription_id, [])))
        for id, done in changed.items():
            taken = [one.quantity for one in self.load.changes if one.subscription_id == id and one.taken]
            if sorted(quantity for _, quantity in done) != sorted(taken):
                yield f"Changes of {id}", [f"asked for {taken}, held {done}"]

    def _differences(self) -> dict[str, tuple[Any, Any]]:
        """Number of licences here and in the publisher's book, where an honest one has another."""
        book = publishers_book(self.hub)
        honest = [one.subscription_id for one in self.load.purchases if one.opened and one.offer not in LIARS]
        statement = "SELECT id::text, quantity FROM subscriptions_subscription WHERE id = ANY(%s::uuid[])"
        here = dict(self.hub.rows(statement, honest))
        there = {id: len(book[id]["seats"] or []) if id in book else None for id in here}
        return {id: (here[id], there[id]) for id in here if here[id] != there[id]}


def purchase_problems(
    rows: list[Bought],
    offer: str,
    changed: dict[str, list[tuple[str, int]]],
    book: dict[str, dict[str, Any]],
    slack: timedelta,
) -> Iterator[str]:
    """What is wrong with one purchase, by its rows in the hub, its changes there, and the publishers' book."""
    if len(rows) != 1:
        yield f"it is there {len(rows)} times"
        return
    [one] = rows
    if one.tranches != one.quantity:
        yield f"{one.quantity} licences in {one.tranches} of tranches"
    if offer in LIARS:
        if (one.status, one.starts, one.causes) != ("pending_fulfillment_start", 0, 0):
            yield f"never confirmed, and yet {one.status}, {one.starts} billing starts, {one.causes} causes of charges"
        return
    effective = sum(status == "succeeded" for status, _ in changed.get(one.id, []))
    if (one.status, one.starts, one.first_charges, one.causes) != ("subscribed", 1, 1, 1 + effective):
        yield (
            f"{one.status}, {one.starts} billing starts, {one.first_charges} first charges, "
            f"{one.causes} causes of charges for {effective} changes"
        )
    order = book.get(one.id)
    if order is None or one.charged_from is None:
        yield "it is not in the publisher's book, or never charged"
        return
    # Who calls us writes its own confirmation down after our answer; its customer came before.
    spoke = order["opened_at"] if order["answer"] else order["confirmed_at"]
    if spoke is None or one.charged_from + slack < datetime.fromisoformat(spoke):
        yield f"charged from {one.charged_from}, confirmed at {spoke}"


def change_problems(change: Change, done: list[tuple[str, int]]) -> Iterator[str]:
    """What is wrong with one change, by what the hub did with its subscription's."""
    if change.taken and ("succeeded", change.quantity) not in done:
        yield f"of {change.subscription_id} to {change.quantity} licences was taken, and did not happen: {done}"


def publishers_book(hub: Hub) -> dict[str, dict[str, Any]]:
    """What the demo's vendors have written down themselves, by subscription."""
    place = hub.configuration.folder / "publisher" / "orders.sqlite3"
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as book:
        return {id: json.loads(body) for id, body in book.execute("SELECT id, body FROM orders")}
