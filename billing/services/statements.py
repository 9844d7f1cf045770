"""Taking over publishers' statements. Importing one again changes only what differs from the last time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize_for_all
from billing.events import StatementImported
from billing.models import Statement, StatementLine
from billing.statement_file import StatementRow
from partnerhub.errors import InvalidInput
from partnerhub.outbox.recorder import record
from publishers.selectors import publisher_for
from subscriptions.models import Subscription

LINES_AT_ONCE = 1000
LONGEST_ID = 100
_WRITTEN = ("named", "subscription_id", "month", "quantity", "amount", "currency")


@dataclass(slots=True)
class Imported:
    """What an import did; `gone` lines were there the last time and are not in the file any more."""

    statement: Statement
    added: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0


@transaction.atomic
def import_statement(
    actor: Actor, publisher_id: UUID, statement_id: str, rows: Iterable[StatementRow], *, at: datetime
) -> Imported:
    """Take over a statement as it stands in the file: lines are known by publisher, statement and place in the file.

    `rows` is read while it is written. Raises NotPermitted, ConcernsEveryCustomer, NotFound, InvalidInput, and
    whatever `rows` raises; then nothing has changed.
    """
    authorize_for_all(actor, Action.INVOICE_MANAGE)
    publisher = publisher_for(actor, publisher_id)
    statement_id = statement_id.strip()
    if not 0 < len(statement_id) <= LONGEST_ID:
        raise InvalidInput(field="statement_id", problem=f"1 to {LONGEST_ID} characters are expected")
    by = {"imported_at": at, "imported_by": actor.label}
    statement, _ = Statement.objects.select_for_update().update_or_create(
        publisher=publisher, statement_id=statement_id, defaults=by
    )
    done, left, last = Imported(statement), iter(rows), 0
    while some := list(islice(left, LINES_AT_ONCE)):
        _take_over(done, some, last)
        last = some[-1].number
    done.gone += statement.lines.filter(number__gt=last).delete()[0]
    counted = {"added": done.added, "changed": done.changed, "same": done.same, "gone": done.gone}
    record(StatementImported(statement.pk, {"statement": statement_id, **counted}), actor=actor, at=at)
    return done


def _take_over(done: Imported, rows: Sequence[StatementRow], after: int) -> None:
    """Write rows that follow one another in the file; `after` is the number of the row before them."""
    stored = {line.number: line for line in done.statement.lines.filter(number__gt=after, number__lte=rows[-1].number)}
    held = _held(done.statement, rows)
    lines = [_line(done.statement, row, held) for row in rows]
    added = [line for line in lines if line.number not in stored]
    changed = [line for line in lines if line.number in stored and _differs(line, stored[line.number])]
    gone = set(stored) - {line.number for line in lines}
    done.statement.lines.filter(number__in=gone).delete()
    StatementLine.objects.bulk_create(
        added + changed, update_conflicts=True, unique_fields=["statement", "number"], update_fields=_FIELDS
    )
    done.added += len(added)
    done.changed += len(changed)
    done.same += len(lines) - len(added) - len(changed)
    done.gone += len(gone)


_FIELDS = [name.removesuffix("_id") for name in _WRITTEN]


def _held(statement: Statement, rows: Sequence[StatementRow]) -> set[UUID]:
    """Which of the named subscriptions are this publisher's."""
    named = {key for key in (_uuid(row.named) for row in rows) if key}
    found = Subscription.objects.filter(publisher_id=statement.publisher_id, pk__in=named)
    return set(found.values_list("pk", flat=True))


def _line(statement: Statement, row: StatementRow, held: set[UUID]) -> StatementLine:
    key = _uuid(row.named)
    return StatementLine(
        statement=statement,
        number=row.number,
        named=row.named,
        subscription_id=key if key in held else None,
        month=row.month,
        quantity=row.quantity,
        amount=row.amount,
        currency=row.currency,
    )


def _differs(line: StatementLine, stored: StatementLine) -> bool:
    return any(getattr(line, name) != getattr(stored, name) for name in _WRITTEN)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
