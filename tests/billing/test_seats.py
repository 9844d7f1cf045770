"""Licences bought, assigned and billed, and why they differ."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client

from accounts.policy import SYSTEM, Role
from billing.seats import SeatReason, Seats, differing, seats_of, seats_visible_to
from partnerhub.outbox.delivery import deliver_due
from subscriptions.enums import Acceptance
from subscriptions.models import Divergence
from subscriptions.services.quantity import change_quantity
from subscriptions.services.settling import accept
from tests.factories.accounts import UserFactory
from tests.factories.billing import ADMIN
from tests.factories.subscriptions import NOON, active, buy, hear, said

BEHIND, DIFFERS, MOVES = SeatReason.BILLING_BEHIND, SeatReason.BILLED_DIFFERS, SeatReason.CHANGE_UNDER_WAY


@pytest.mark.parametrize(
    ("seats", "reasons"),
    [
        (Seats(7, 7, 7), []),
        (Seats(7, None, 7), [SeatReason.NOT_REPORTED]),
        (Seats(7, None, 0, is_pending=True), [SeatReason.NOT_ACTIVATED]),
        (Seats(7, 5, 7), [SeatReason.PARTIAL_ASSIGNMENT]),
        (Seats(7, 9, 7), [SeatReason.ASSIGNED_MORE]),
        (Seats(9, 9, 7), [DIFFERS]),
        (Seats(9, 9, 7, is_behind=True), [BEHIND]),
        (Seats(7, 7, 7, is_moving=True), [MOVES]),
        (Seats(7, 7, 7, by_silence=True, diverges=True), [SeatReason.ACCEPTED_BY_SILENCE, SeatReason.DIVERGENCE]),
    ],
)
def test_why_figures_differ(seats, reasons):
    assert seats.reasons == reasons


def shown(subscription) -> tuple[int, int | None, int, list[str]]:
    seats = seats_of(seats_visible_to(ADMIN).get(pk=subscription.pk))
    return seats.bought, seats.assigned, seats.billed, [str(reason) for reason in seats.reasons]


@pytest.mark.django_db
def test_a_change_on_its_way_from_the_publisher_to_the_ledger():
    subscription = buy()
    assert shown(subscription) == (7, None, 0, ["not_activated"])

    hear(subscription, said(subscription, assigned_quantity=7), at=NOON)
    deliver_due(NOON)
    assert shown(subscription) == (7, 7, 7, [])
    assert not differing(seats_visible_to(ADMIN)).exists()

    later = NOON + timedelta(hours=1)
    change_quantity(ADMIN, subscription.pk, quantity=9, version=None, at=later, hold=False)
    assert shown(subscription) == (7, 7, 7, ["change_under_way"])

    accept(SYSTEM, subscription.operations.get(completed_at=None).pk, how=Acceptance.SILENCE, at=later)
    assert shown(subscription) == (9, None, 7, ["billing_behind", "not_reported"])
    assert differing(seats_visible_to(ADMIN)).count() == 1

    deliver_due(later)
    assert shown(subscription) == (9, None, 9, ["accepted_by_silence", "not_reported"])


@pytest.mark.django_db
def test_the_page_leaves_what_differs():
    agree, differs = active(nickname="Agrees"), active(nickname="Differs")
    Divergence.objects.create(
        subscription=differs,
        publisher=differs.publisher,
        kind="assigned_differs",
        ours="7",
        theirs="5",
        first_seen_at=NOON,
        last_seen_at=NOON,
    )
    client = Client()
    client.force_login(UserFactory(active_role=Role.SALES_AGENT))

    def text(address: str, **given) -> str:
        page = client.get(address, given).content.decode()
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())

    everything, some = text("/billing/seats/"), text("/billing/seats/", differing="on")
    file = b"".join(client.get("/billing/seats.csv?differing=on").streaming_content).decode()

    assert ("Agrees" in everything, "Differs" in everything) == (True, True)
    assert "Agrees" not in some
    assert "7 5 7 Not all licences are assigned" in some
    assert file.splitlines()[1].startswith(f"{differs.pk},Differs,")
    assert file.splitlines()[1].endswith(",7,5,7,partial_assignment,Not all licences are assigned")
    assert len(file.splitlines()) == 2
    assert agree.nickname == "Agrees"
