"""Ranking what somebody must act on: all of it now and then, and in between whatever was touched or time has moved."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from publishers.models import Policy
from subscriptions.attending import POLICIES, ranked_at
from subscriptions.attention import BANDS
from subscriptions.models import AttentionItem, RankedItem, Ranking, TouchedSubscription

# What opens within a day is ranked with the rest, so that this holds for less than a day.
RANKED_FOR = timedelta(hours=12)
# So many changes, or items that time has moved, are taken up at once; beyond, all is ranked anew.
MOST_AT_ONCE = 20_000
_RANK = """
INSERT INTO subscriptions_rankeditem
  (id, cause, owner, subscription_id, customer_id, publisher_id, since, rank, moves_at)
SELECT id, cause, owner, subscription_id, customer_id, publisher_id, since,
       CASE WHEN opened_at <= %s THEN rank END,
       least(CASE WHEN opened_at > %s THEN opened_at END,
             (SELECT min(deadline - span) FROM unnest(%s::interval[]) AS span WHERE deadline - span > %s))
  FROM ({dated}) AS dated
       (id, cause, owner, subscription_id, customer_id, publisher_id, since, rank, opened_at, deadline)
 WHERE cause <> 'window_closing' OR deadline > %s
"""
_COLUMNS = ("pk", "cause", "owner", "subscription_id", "customer_id", "publisher_id", "since", "rank", "opened_at")


@transaction.atomic
def keep_ranked(*, at: datetime) -> int:
    """Take up what has changed since the last time; returns how many subscriptions' items were ranked anew, -1 for
    all. Only one at a time: whoever comes meanwhile has nothing to do.
    """
    Ranking.objects.bulk_create([Ranking()], ignore_conflicts=True)
    # A policy that is being changed holds this row, so that none is overlooked.
    ranking = Ranking.objects.select_for_update(skip_locked=True).first()
    if ranking is None:
        return 0
    touches = list(TouchedSubscription.objects.values_list("pk", "subscription_id")[:MOST_AT_ONCE])
    moved = RankedItem.objects.filter(moves_at__lte=at).values_list("subscription_id", flat=True)[:MOST_AT_ONCE]
    changed = {subscription for _pk, subscription in touches} | set(moved)
    if _holds(ranking, at) and len(changed) < MOST_AT_ONCE:
        TouchedSubscription.objects.filter(pk__in=[pk for pk, _subscription in touches]).delete()
        _rank_again(changed, at)
        return len(changed)
    _rank_all(ranking, at)
    return -1


def _holds(ranking: Ranking, at: datetime) -> bool:
    return bool(ranking.ranked_at and ranking.until and ranking.ranked_at <= at < ranking.until)


def _rank_again(subscriptions: Collection[UUID], at: datetime) -> None:
    if subscriptions:
        RankedItem.objects.filter(subscription__in=subscriptions).delete()
        _rank(ranked_at(at).filter(subscription__in=subscriptions), at)


def _rank_all(ranking: Ranking, at: datetime) -> None:
    with connection.cursor() as cursor:
        # Before anything is read: what is touched from now on is ranked again next time, seen below or not.
        cursor.execute("DELETE FROM subscriptions_touchedsubscription")
        cursor.execute("DELETE FROM subscriptions_rankeditem")
    _rank(ranked_at(at).filter(subscription__isnull=False), at)
    ranking.ranked_at, ranking.until = at, _until(at)
    ranking.save(update_fields=["ranked_at", "until"])


def _rank(items: QuerySet[AttentionItem], at: datetime) -> None:
    sql, params = items.values_list(*_COLUMNS, "deadline").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_RANK.format(dated=sql), [at, at, list(BANDS), at, *params, at])


def _until(at: datetime) -> datetime:
    """When a policy begins or ends to be valid, RANKED_FOR at the latest."""
    dates = Policy.objects.filter(name__in=POLICIES).values_list("valid_from", "valid_to")
    return min([at + RANKED_FOR, *(date for both in dates for date in both if date and date > at)])
