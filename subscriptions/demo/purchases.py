"""What the demo's customers bought, when, and what came of it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Story(StrEnum):
    """What happened after the purchase."""

    FRESH = "nobody has opened the publisher's site yet"
    CONFIRMED = "the publisher confirmed"
    PARTIAL = "confirmed with four licences assigned"
    ASKED = "the publisher asks for something"
    REFUSED = "the publisher refused"
    FORGOTTEN = "nobody confirmed in time"
    WITHDRAWN = "cancelled before it was confirmed"
    SUSPENDED = "confirmed, then suspended for an unpaid invoice"
    REFUNDED = "confirmed, then cancelled inside the window"


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line bought. `ago` is when, counted back from the loading; `after` is how much later the story went on."""

    customer: int
    offer: str
    plan: str
    term: str
    cycle: str
    quantity: int
    ago: timedelta
    story: Story
    after: timedelta = timedelta(hours=2)
    nickname: str = ""
    auto_renew: bool = True


def _days(days: float) -> timedelta:
    return timedelta(days=days)


def _hours(hours: float) -> timedelta:
    return timedelta(hours=hours)


# Monthly terms begin less than a month ago: nothing renews them yet.
PURCHASES: list[Purchase] = [
    Purchase(1, "esign", "business", "P3Y", "one_time", 40, _days(212), Story.CONFIRMED, _hours(5), "Hamburg office"),
    Purchase(5, "esign", "business", "P1Y", "annual", 25, _days(164), Story.CONFIRMED, _days(1.5)),
    Purchase(7, "helpdesk", "enterprise", "P1Y", "annual", 60, _days(121), Story.CONFIRMED, _days(2), "Serwis"),
    Purchase(9, "backup", "per-seat", "P1Y", "annual", 120, _days(97), Story.CONFIRMED, _hours(3)),
    Purchase(3, "backup", "server", "P3Y", "one_time", 1, _days(83), Story.CONFIRMED, _hours(8), auto_renew=False),
    Purchase(2, "helpdesk-lite--prompt", "lite", "P1Y", "annual", 8, _days(61), Story.REFUNDED, _hours(1)),
    Purchase(1, "seal--asks", "qualified", "P1Y", "annual", 1, _days(55), Story.CONFIRMED, _days(3)),
    Purchase(8, "contracts--partial", "standard", "P1Y", "annual", 12, _days(46), Story.FORGOTTEN, _days(30)),
    Purchase(0, "esign", "team", "P1Y", "annual", 15, _days(40), Story.CONFIRMED, _hours(4), "Jena"),
    Purchase(4, "vault--refuses", "team", "P1M", "monthly", 6, _days(29) + _hours(6), Story.REFUSED, _hours(20)),
    Purchase(8, "mailguard--prompt", "standard", "P1M", "monthly", 9, _days(27), Story.CONFIRMED, _hours(1)),
    Purchase(10, "mailguard--prompt", "standard", "P1Y", "annual", 35, _days(26), Story.CONFIRMED, _hours(1)),
    Purchase(4, "backup", "per-seat", "P1M", "monthly", 14, _days(25), Story.CONFIRMED, _hours(2), auto_renew=False),
    Purchase(6, "esign-express--prompt", "starter", "P1M", "monthly", 4, _days(19), Story.CONFIRMED, _hours(1)),
    Purchase(2, "survey--refuses-changes", "standard", "P1M", "monthly", 20, _days(18), Story.CONFIRMED, _hours(1)),
    Purchase(0, "helpdesk", "professional", "P1M", "monthly", 10, _days(16), Story.CONFIRMED, _hours(9), "Support"),
    Purchase(11, "backup", "per-seat", "P1M", "monthly", 45, _days(12), Story.SUSPENDED, _hours(6)),
    Purchase(1, "voice--silent-changes", "standard", "P1M", "monthly", 12, _days(11), Story.CONFIRMED, _hours(1)),
    Purchase(3, "rota--silent-changes", "standard", "P1M", "monthly", 18, _days(10), Story.CONFIRMED, _hours(1)),
    Purchase(3, "radar--silent", "probe", "P1Y", "annual", 3, _days(9), Story.WITHDRAWN, _days(1)),
    Purchase(
        5, "contracts--partial", "standard", "P1M", "monthly", 20, _days(6), Story.CONFIRMED, _days(2), "Dział prawny"
    ),
    Purchase(7, "seal--asks", "qualified", "P1Y", "annual", 1, _days(4), Story.ASKED, _hours(3)),
    Purchase(
        2, "contracts--partial", "standard", "P1Y", "annual", 7, _days(2), Story.PARTIAL, _hours(20), "Bauleitung"
    ),
    Purchase(10, "esign", "team", "P1Y", "monthly", 12, _hours(20), Story.FRESH),
    Purchase(0, "contracts--partial", "standard", "P1M", "monthly", 5, _hours(3), Story.FRESH, nickname="Einkauf"),
    Purchase(6, "helpdesk", "professional", "P1Y", "monthly", 6, _hours(0.4), Story.FRESH),
]


class Turn(StrEnum):
    """What became of a change, or of a request for one."""

    ACCEPTED = "the publisher agreed"
    SILENCE = "the publisher did not object in time"
    DENIED = "the publisher refused"
    WAITING = "the publisher has not answered yet"
    SCHEDULED = "it begins at renewal"
    ASKED = "an admin agent is asked"
    DECLINED = "an admin agent declined"


@dataclass(frozen=True, slots=True)
class Later:
    """Another quantity for what a customer bought of an offer, asked for so long ago, and what came of it."""

    customer: int
    offer: str
    quantity: int
    ago: timedelta
    turn: Turn
    reason: str


LATER: list[Later] = [
    Later(7, "helpdesk", 90, _days(8), Turn.DECLINED, "A second plant opens in spring."),
    Later(1, "voice--silent-changes", 15, _days(5), Turn.SILENCE, "Three more people take calls."),
    Later(0, "helpdesk", 16, _days(4), Turn.ACCEPTED, "The night shift joins."),
    Later(2, "survey--refuses-changes", 30, _days(3), Turn.DENIED, "The survey goes to a second site."),
    Later(0, "esign", 20, _days(2), Turn.SCHEDULED, "The sales team grows next year."),
    Later(6, "esign-express--prompt", 6, _hours(26), Turn.ASKED, "Two new shops open on Monday."),
    Later(0, "helpdesk", 18, _hours(22), Turn.ACCEPTED, "Two trainees."),
    Later(5, "contracts--partial", 26, _hours(5), Turn.ASKED, "Six lawyers start next week."),
    Later(3, "rota--silent-changes", 25, _hours(3), Turn.WAITING, "The hotel in Igls reopens."),
]
