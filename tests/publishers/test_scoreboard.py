"""Median and p90 from purchase to activation, what got stuck, and what became of changes."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.policy import SYSTEM, Role
from subscriptions.enums import OperationAction, OperationStatus
from subscriptions.models import Operation
from subscriptions.scoreboard import LOOKS_BACK, Score, recent_scores, scoreboard
from subscriptions.services.ending import void_overdue
from subscriptions.views.scores import readiness
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, buy, hear, said
from tests.publishers.conftest import signed_in, text_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (Score(9, HOUR, HOUR), "Too few orders to tell how fast it is set up"),
        (Score(10, 2 * HOUR, 20 * HOUR), "Usually ready in 2 hours · 9 of 10 within 20 hours"),
        (Score(10, timedelta(seconds=5), 3 * DAY), "Usually ready in 1 minute · 9 of 10 within 3 days"),
        (Score(10, 61 * HOUR / 60, None), "Usually ready in 61 minutes · more than 1 in 10 never"),
        (Score(10, None, None), "More than half of the orders were never activated"),
    ],
)
def test_a_score_in_words_claims_no_more_than_it_knows(score, words):
    assert readiness(score) == words


@pytest.mark.django_db
def test_what_was_never_activated_counts_and_what_is_young_does_not(django_assert_num_queries):
    term, customer = PlanTermFactory(), CustomerFactory()
    publisher = term.plan.offer.publisher

    def bought(at):
        return buy(term=term, customer=customer, at=at)

    for hours in range(1, 9):
        subscription = bought(NOON)
        hear(subscription, said(subscription), at=NOON + hours * HOUR)
    bought(NOON)
    void_overdue(SYSTEM, at=NOON + 31 * DAY)
    later = NOON + 60 * DAY
    young, old = bought(later - 6 * DAY), bought(later - 8 * DAY)
    for status, silent in (("succeeded", "silence"), ("succeeded", "publisher"), ("failed", ""), ("in_progress", "")):
        Operation.objects.create(
            subscription=[young, old][status == "in_progress"],
            action=OperationAction.CHANGE_QUANTITY,
            status=status,
            accepted_by=silent,
            requested_by="test",
            created_at=later,
            completed_at=None if status == OperationStatus.IN_PROGRESS else later,
            next_attempt_at=later,
        )

    with django_assert_num_queries(1):
        scores = scoreboard([publisher.pk], later)

    with django_assert_num_queries(1):
        assert recent_scores([publisher.pk], later) == recent_scores([publisher.pk], later) == scores
    assert scores[publisher.pk] == Score(10, 5 * HOUR, None, stuck=2, changes=3, failed=1, silent=1)
    assert scores[term.plan.offer_id] == Score(10, 5 * HOUR, None, stuck=2)
    assert scoreboard([publisher.pk], later + LOOKS_BACK) == {}


@pytest.mark.django_db
def test_a_buyer_reads_it_next_to_the_offer(time_machine):
    term, customer = PlanTermFactory(), CustomerFactory()
    for minutes in range(1, 11):
        subscription = buy(term=term, customer=customer)
        hear(subscription, said(subscription), at=NOON + timedelta(minutes=minutes))
    other = PlanTermFactory()
    time_machine.move_to(NOON + DAY, tick=False)

    page = text_of(signed_in(Role.SALES_AGENT).get(reverse("customers:buy", args=[customer.pk])))

    assert page.count("Usually ready in 5 minutes · 9 of 10 within 9 minutes") == 1
    assert page.count("Too few orders to tell") == 1
    assert other.plan.offer.title in page
