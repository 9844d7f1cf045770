"""Reading what somebody must act on: the view of causes, with the deadlines that policies set and what is put aside."""

from datetime import datetime, timedelta

from django.db.models import Case, DateTimeField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from accounts.policy import Action, Actor, authorize
from publishers.selectors import HUB, policy_book, policy_interval
from subscriptions.attention import BANDS
from subscriptions.enums import Cause
from subscriptions.models import AttentionItem, Triage
from subscriptions.selectors import within

# How long before its deadline a cause needs somebody; `warn_change_after` counts from its beginning.
LEADS = {
    Cause.ACTIVATION_DEADLINE: "warn_activation_within",
    Cause.WINDOW_CLOSING: "warn_window_within",
    Cause.RENEWAL_UNANNOUNCED: "warn_renewal_within",
}
CHANGE_AFTER = "warn_change_after"
SECRET_WITHIN = "warn_secret_within"  # noqa: S105 - the name of a policy


def open_items(at: datetime) -> QuerySet[AttentionItem]:
    """What is open at a moment, the most urgent first (`attention.urgency`), whoever looks; for the hub's own work.

    Each has `deadline`, `opened_at` (UTC) and `band`.
    """
    book = policy_book(*LEADS.values(), CHANGE_AFTER)
    leads = {cause: book.duration(name, HUB, at) for cause, name in LEADS.items()}
    changed = book.duration(CHANGE_AFTER, HUB, at)
    near = Q(renews_on=None) | Q(renews_on__lte=(at + leads[Cause.RENEWAL_UNANNOUNCED] + timedelta(days=1)).date())
    dated = AttentionItem.objects.filter(near).annotate(deadline=_deadline(at))
    opened = dated.annotate(opened_at=_opened(leads, changed, at)).filter(opened_at__lte=at)
    closed = Q(cause=Cause.WINDOW_CLOSING, deadline__lte=at)
    return opened.exclude(closed).annotate(band=_band(at)).order_by("band", "-weight", "opened_at", "id")


def attention_visible_to(actor: Actor, at: datetime) -> QuerySet[AttentionItem]:
    """The open items an actor may see, the most urgent first; those of publishers only for who sees every customer.

    Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_READ)
    return within(open_items(at), actor, "customer_id")


def not_aside(items: QuerySet[AttentionItem], at: datetime) -> QuerySet[AttentionItem]:
    """Without what somebody has put aside, until its time or until it changes."""
    return items.filter(~Exists(snoozes(at)))


def snoozes(at: datetime) -> QuerySet[Triage]:
    """For a condition on open items: what puts one aside at a moment."""
    still = Q(snoozed_until=None) | Q(snoozed_until__gt=at)
    return Triage.objects.filter(still, item=OuterRef("pk"), since=OuterRef("since"), snoozed=True)


def _deadline(at: datetime) -> Case:
    bought = policy_interval("cancel_within", moment="since")  # those of the purchase: docs/policies.md
    suspended = policy_interval("suspension_lasts", moment=at)
    return Case(
        When(cause=Cause.WINDOW_CLOSING, then=F("since") + bought),
        When(cause=Cause.PAYMENT_SUSPENDED, then=F("since") + suspended),
        default=F("due_at"),
        output_field=DateTimeField(),
    )


def _opened(leads: dict[Cause, timedelta], changed: timedelta, at: datetime) -> Case:
    before = [When(cause=cause, then=Coalesce(F("deadline") - lead, F("since"))) for cause, lead in leads.items()]
    secret = F("due_at") - policy_interval(SECRET_WITHIN, moment=at)
    return Case(
        *before,
        When(cause=Cause.CHANGE_WAITING, then=F("since") + changed),
        When(cause=Cause.SECRET_EXPIRING, then=secret),
        default=F("since"),
        output_field=DateTimeField(),
    )


def _band(at: datetime) -> Case:
    bands = (When(deadline__lte=at + span, then=Value(band)) for band, span in enumerate(BANDS))
    return Case(*bands, default=Value(len(BANDS)), output_field=IntegerField())
