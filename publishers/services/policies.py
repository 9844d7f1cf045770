"""Writing dated policies: a changed value ends at a moment and another row begins there."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import InvalidInput, NotFound
from partnerhub.outbox.recorder import record
from publishers.events import HUB_STREAM, HubPoliciesChanged, PublisherChanged
from publishers.models import Offer, Plan, Policy, Publisher
from publishers.packs import PACKS
from publishers.services.changes import Changes

# By term, blank for any term, then by name.
PolicyValues = Mapping[str, Mapping[str, str]]


def write_policies(
    scope: Mapping[str, Publisher | Offer | Plan],
    rows: Iterable[Policy],
    values: PolicyValues,
    path: str,
    changes: Changes,
    at: datetime,
) -> None:
    """Bring the policies of one scope (its publisher, offer or plan alone; none is the hub) to `values` from `at` on.

    `rows` are those it has. What was to begin later goes, too: from `at` on there is one value.
    """
    standing: dict[tuple[str, str], list[Policy]] = {}
    for row in rows:
        if row.valid_to is None or row.valid_to > at:
            standing.setdefault((row.term, row.name), []).append(row)
    wanted = {(term, name): value for term, named in values.items() for name, value in named.items()}
    for term, name in sorted({*standing, *wanted}):
        told = f"{path}{f'terms[{term}].' if term else ''}policies.{name}"
        old, value = standing.get((term, name), []), wanted.get((term, name))
        if _is_settled(old, value, at):
            continue
        changes.append(f"{told}: {_shown(_in_force(old, at))} -> {_shown(value)}")
        for row in old:
            _end(row, at)
        if value is not None:
            Policy.objects.create(name=name, term=term, value=value, valid_from=at, **scope)


def _is_settled(rows: list[Policy], value: str | None, at: datetime) -> bool:
    return [(row.value, row.valid_to) for row in rows] == [(value, None)] and rows[0].valid_from <= at


def _in_force(rows: list[Policy], at: datetime) -> str | None:
    begun = [row for row in rows if row.valid_from <= at]
    return max(begun, key=lambda row: row.valid_from).value if begun else None


def _shown(value: str | None) -> str:
    return value.replace("\n", " · ") if value else "nothing"


def _end(policy: Policy, at: datetime) -> None:
    if policy.valid_from >= at:
        # It was never in force before this moment, so there is no past to keep.
        policy.delete()
        return
    policy.valid_to = at
    policy.save(update_fields=["valid_to"])


@transaction.atomic
def apply_policy_pack(
    actor: Actor, pack: str, *, publisher: str = "", starts: datetime | None = None, at: datetime
) -> list[str]:
    """Bring the policies that a pack names to its values from `starts` on (at once when None), hub-wide or for the
    publisher of a name; returns what changed, nothing the second time. What narrower rows say is left alone.

    Raises NotPermitted, NotFound for an unknown publisher, InvalidInput for an unknown pack or a start in the past:
    what was bought keeps the rules of its day.
    """
    authorize(actor, Action.PUBLISHER_MANAGE)
    values = _pack(pack)
    starts = starts or at
    if starts < at:
        raise InvalidInput(field="from", problem=f"{starts:%Y-%m-%d} is in the past.")
    owner = _locked_publisher(publisher) if publisher else None
    named = Policy.objects.filter(offer=None, plan=None, publisher=owner, name__in=values[""])
    changes = Changes()
    write_policies({"publisher": owner} if owner else {}, named.select_for_update(), values, "", changes, starts)
    if changes:
        data = {"pack": pack, "from": starts.isoformat(), "changes": list(changes)}
        record(PublisherChanged(owner.pk, data) if owner else HubPoliciesChanged(HUB_STREAM, data), actor=actor, at=at)
    return list(changes)


def _pack(name: str) -> PolicyValues:
    if name not in PACKS:
        raise InvalidInput(field="pack", problem=f"{name} is not one of {', '.join(PACKS)}.")
    return PACKS[name]


def _locked_publisher(name: str) -> Publisher:
    publisher = Publisher.objects.select_for_update(of=("self",)).filter(name=name).first()
    if publisher is None:
        raise NotFound(what="publisher", id=name)
    return publisher
