"""Writing dated policies: a changed value ends at a moment and another row begins there."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from publishers.models import Offer, Plan, Policy, Publisher
from publishers.services.changes import Changes


def write_policies(
    scope: Mapping[str, Publisher | Offer | Plan],
    rows: Iterable[Policy],
    values: Mapping[str, str],
    path: str,
    changes: Changes,
    at: datetime,
) -> None:
    """Bring the policies of one scope (its publisher, offer or plan alone) to `values`; `rows` are those it has."""
    current = {row.name: row for row in rows if row.valid_to is None}
    for name in sorted({*current, *values}):
        old, value = current.get(name), values.get(name)
        if old and old.value == value:
            continue
        changes.append(f"{path}policies.{name}: {old.value if old else 'nothing'} -> {value or 'nothing'}")
        if old:
            _end(old, at)
        if value is not None:
            Policy.objects.create(name=name, value=value, valid_from=at, **scope)


def _end(policy: Policy, at: datetime) -> None:
    if policy.valid_from >= at:
        # It was never in force before this moment, so there is no past to keep.
        policy.delete()
        return
    policy.valid_to = at
    policy.save(update_fields=["valid_to"])
