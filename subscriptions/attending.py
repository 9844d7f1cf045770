"""Reading what somebody must act on: the view of causes, with the deadlines that policies set and what is put aside."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Coalesce, Concat, RowNumber

from accounts.policy import Action, Actor, authorize
from partnerhub.money import Money
from publishers.selectors import HUB, PolicyBook, policy_book
from subscriptions.attention import BANDS
from subscriptions.enums import Cause, Status
from subscriptions.models import AttentionItem, CustomerPage, SetupAnswers, Triage
from subscriptions.selectors import within

# How long before its deadline a cause needs somebody; `warn_change_after` counts from its beginning.
LEADS = {
    Cause.ACTIVATION_DEADLINE: "warn_activation_within",
    Cause.WINDOW_CLOSING: "warn_window_within",
    Cause.RENEWAL_UNANNOUNCED: "warn_renewal_within",
}
CHANGE_AFTER = "warn_change_after"
CANCEL_WITHIN, SUSPENSION_LASTS = "cancel_within", "suspension_lasts"
SECRET_WITHIN = "warn_secret_within"  # noqa: S105 - the name of a policy
POLICIES = (*LEADS.values(), CHANGE_AFTER, CANCEL_WITHIN, SUSPENSION_LASTS, SECRET_WITHIN)
EVERY = Q()
# Whoever looks again has the list made anew at least this often, should nothing else make it.
LOOK_AGAIN = timedelta(minutes=10)
# More than any weight, so that what is left of it sorts the other way round.
MOST = Decimal(10**15)


@dataclass(slots=True)
class CustomerSaid:
    """What a customer has said on its page while its order waits (UTC): when it answered last, whether to all that is
    required, and when it asked for another page that it was not sent since.
    """

    answered_at: datetime | None = None
    is_complete: bool = False
    asked_again_at: datetime | None = None


class Again(NamedTuple):
    """Open items that were read again by their ids, in order, and by subscription all that is open of it."""

    shown: dict[str, AttentionItem]
    of_each: dict[UUID, list[AttentionItem]]


def ages() -> PolicyBook:
    """The policies that set deadlines, for whoever asks several of these questions about one moment."""
    return policy_book(*POLICIES)


def open_items(at: datetime, book: PolicyBook | None = None) -> QuerySet[AttentionItem]:
    """What is open at a moment, the most urgent first (`attention.urgency`), whoever looks; for the hub's own work.

    Each has `deadline`, `opened_at` (UTC) and `band`; `book` holds the policies where they are read already.
    """
    closed = Q(cause=Cause.WINDOW_CLOSING, deadline__lte=at)
    opened = _dated(at, book).filter(opened_at__lte=at).exclude(closed)
    found: QuerySet[AttentionItem] = opened.annotate(band=_band(at)).order_by("band", "-weight", "opened_at", "id")
    return found


def ranked(items: QuerySet[AttentionItem]) -> QuerySet[AttentionItem]:
    """Open items with `rank`: a text that sorts as they do but for their ids, for pages by keyset."""
    left = ExpressionWrapper(Value(MOST) - F("weight"), DecimalField())
    weight = Func(left, Value("FM0000000000000000.0000"), function="to_char", output_field=CharField())
    moment = Func(F("opened_at"), Value("YYYYMMDDHH24MISSUS"), function="to_char", output_field=CharField())
    parts = (Cast("band", CharField()), Value(":"), weight, Value(":"), moment)
    return items.annotate(rank=Concat(*parts, output_field=CharField()))


def ranked_at(at: datetime) -> QuerySet[AttentionItem]:
    """What is open at a moment or opens within a day, in no order, with `deadline`, `opened_at`, `band` and `rank`; of
    windows also those that have just closed.
    """
    return ranked(_dated(at).annotate(band=_band(at)))


def one_each(items: QuerySet[AttentionItem]) -> QuerySet[AttentionItem]:
    """Of open items the most urgent one of each subscription; those of publishers all."""
    subject = Coalesce(Cast("subscription_id", CharField()), F("id"))
    urgent = [F("band").asc(), F("weight").desc(), F("opened_at").asc(), F("id").asc()]
    place = Window(RowNumber(), partition_by=[subject], order_by=urgent)
    first = items.order_by().annotate(place=place).filter(place=1).values("pk")
    # No item is without a cause; "or" keeps the database from comparing each item to each, for it expects too few.
    return items.filter(Q(pk__in=first) | Q(cause=""))


def read_again(items: QuerySet[AttentionItem], found: Mapping[str, UUID | None]) -> Again:
    """Open items by their ids, each with its publisher, in the order of `found`, which names their subscriptions; with
    what else is open of these. The view is read for them alone.
    """
    of_publishers = [item for item, subscription in found.items() if subscription is None]
    about = {subscription for subscription in found.values() if subscription is not None}
    all_of_them = list(items.filter(subscription__in=about)) if about else []
    apart = items.filter(subscription=None, pk__in=of_publishers) if of_publishers else ()
    read = {item.pk: item for these in (all_of_them, apart) for item in these}
    return Again({item: read[item] for item in found if item in read}, by_subscription(all_of_them))


def by_subscription(items: Iterable[AttentionItem]) -> dict[UUID, list[AttentionItem]]:
    """What is open of each subscription."""
    found: dict[UUID, list[AttentionItem]] = {}
    for item in items:
        if item.subscription_id is not None:
            found.setdefault(item.subscription_id, []).append(item)
    return found


def at_risk(item: AttentionItem) -> Money:
    """What one billing cycle of an item's subscription costs, rounded down to the currency's places."""
    return Money.rounded_down(Fraction(item.weight), item.currency)


def changes_ahead(at: datetime, which: Q = EVERY, book: PolicyBook | None = None) -> list[datetime]:
    """The next moments at which time alone opens, closes or reorders some of the items that are asked for."""
    moments = {"opens": Min("opened_at", filter=Q(opened_at__gt=at))}
    for number, span in enumerate(BANDS):
        moments[f"nears_{number}"] = Min("deadline", filter=Q(deadline__gt=at + span))
    found = _dated(at, book).filter(which).aggregate(**moments)
    nearing = [found[f"nears_{number}"] - span for number, span in enumerate(BANDS) if found[f"nears_{number}"]]
    return [*([found["opens"]] if found["opens"] else []), *nearing]


def soonest(at: datetime, changes: Iterable[datetime]) -> datetime:
    """The first of some moments, or that at which what was put aside comes back; LOOK_AGAIN at the latest."""
    snoozed = Triage.objects.filter(snoozed=True, snoozed_until__gt=at)
    back: datetime | None = snoozed.aggregate(back=Min("snoozed_until"))["back"]
    return min([at + LOOK_AGAIN, *changes, *([back] if back else [])])


def attention_visible_to(actor: Actor, at: datetime, book: PolicyBook | None = None) -> QuerySet[AttentionItem]:
    """The open items an actor may see, the most urgent first; those of publishers only for who sees every customer.

    Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_READ)
    return within(open_items(at, book), actor, "customer_id")


def items_of(actor: Actor, keys: Collection[str], at: datetime) -> list[str]:
    """The ids of all open items of rows of the queue: each is named by its subscription, or by its one item."""
    visible = attention_visible_to(actor, at).order_by()
    subscriptions = [found for key in keys if (found := _as_id(key)) is not None]
    of_them = visible.filter(subscription__in=subscriptions).values_list("pk", flat=True)
    apart = visible.filter(subscription=None, pk__in=keys).values_list("pk", flat=True)
    return [*of_them, *apart]


def not_aside(items: QuerySet[AttentionItem], at: datetime) -> QuerySet[AttentionItem]:
    """Without what somebody has put aside, until its time or until it changes."""
    return items.filter(~Exists(snoozes(at)))


def said_by_customers(subscription_ids: Collection[UUID]) -> dict[UUID, CustomerSaid]:
    """By subscription what its customer has said on its page while the order waits; two queries for all of them."""
    said: dict[UUID, CustomerSaid] = {}
    waiting = {"subscription__in": subscription_ids, "subscription__status": Status.PENDING}
    answered = SetupAnswers.objects.filter(**waiting).exclude(answers={})
    for pk, answered_at, completed_at in answered.values_list("pk", "answered_at", "completed_at"):
        said[pk] = CustomerSaid(answered_at, completed_at is not None)
    newest = CustomerPage.objects.filter(**waiting).values("subscription").annotate(made=Max("made_at"))
    wishes = newest.annotate(asked=Max("asked_again_at")).filter(asked__gt=F("made"))
    for pk, asked in wishes.values_list("subscription", "asked"):
        said.setdefault(pk, CustomerSaid()).asked_again_at = asked
    return said


def snoozes(at: datetime) -> QuerySet[Triage]:
    """For a condition on open items: what puts one aside at a moment."""
    still = Q(snoozed_until=None) | Q(snoozed_until__gt=at)
    return Triage.objects.filter(still, item=OuterRef("pk"), since=OuterRef("since"), snoozed=True)


def _dated(at: datetime, book: PolicyBook | None = None) -> QuerySet[Any]:
    """The items with their deadlines and openings, those that open later too; of renewals only the near ones."""
    book = book or ages()
    found: QuerySet[Any] = AttentionItem.objects.filter(_near(book, at))
    dated: QuerySet[Any] = found.annotate(deadline=_deadline(book, at))
    opening: QuerySet[Any] = dated.annotate(opened_at=_opened(book, at))
    return opening


def _near(book: PolicyBook, at: datetime) -> Q:
    """Without what opens more than a day later or closed long ago: bounds on columns that have indexes, which the
    database takes into each part of the view.
    """
    leads = {cause: at + book.duration(name, HUB, at) + timedelta(days=1) for cause, name in LEADS.items()}
    renewals = Q(renews_on=None) | Q(renews_on__lte=leads[Cause.RENEWAL_UNANNOUNCED].date())
    activations = ~Q(cause=Cause.ACTIVATION_DEADLINE) | Q(due_at__lte=leads[Cause.ACTIVATION_DEADLINE])
    windows = ~Q(cause=Cause.WINDOW_CLOSING) | Q(since__gte=at - book.longest(CANCEL_WITHIN))
    return renewals & activations & windows


def _deadline(book: PolicyBook, at: datetime) -> Case:
    bought = book.interval(CANCEL_WITHIN, moment="since")  # those of the purchase: docs/policies.md
    suspended = book.interval(SUSPENSION_LASTS, moment=at)
    return Case(
        When(cause=Cause.WINDOW_CLOSING, then=F("since") + bought),
        When(cause=Cause.PAYMENT_SUSPENDED, then=F("since") + suspended),
        default=F("due_at"),
        output_field=DateTimeField(),
    )


def _opened(book: PolicyBook, at: datetime) -> Case:
    """When each cause opens, out of the rows' own fields: whatever names `deadline` repeats the whole of its SQL."""
    leads = {cause: book.duration(name, HUB, at) for cause, name in LEADS.items()}
    window = F("since") + book.interval(CANCEL_WITHIN, moment="since")
    before = [
        When(cause=cause, then=Coalesce((window if cause == Cause.WINDOW_CLOSING else F("due_at")) - lead, F("since")))
        for cause, lead in leads.items()
    ]
    return Case(
        *before,
        When(cause=Cause.CHANGE_WAITING, then=F("since") + book.duration(CHANGE_AFTER, HUB, at)),
        When(cause=Cause.SECRET_EXPIRING, then=F("due_at") - book.interval(SECRET_WITHIN, moment=at)),
        default=F("since"),
        output_field=DateTimeField(),
    )


def _band(at: datetime) -> Coalesce:
    """`band_of`, with one mention of the deadline: a microsecond later, because it takes bounds as exclusive."""
    bounds = [at + span + timedelta(microseconds=1) for span in BANDS]
    among = Value(bounds, ArrayField(DateTimeField()))
    place = Func(F("deadline"), among, function="width_bucket", output_field=IntegerField())
    return Coalesce(place, Value(len(BANDS)))


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
