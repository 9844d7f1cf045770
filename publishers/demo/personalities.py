"""How each of the demo's vendors behaves, chosen per offer by the word after the double dash in its offer id.

`crm--partial` is sold by a vendor who assigns only some of the licences; without such a word a person does it all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from publishers.demo.orders import Course, Manner, Order

QUESTION = "We need the customer's VAT number before we can set this up."
REASON = "We do not sell this product in the customer's country, so we cannot set this order up."
# The marketplace listens for 10 s, to an answer and for a word on a change.
LAST_MOMENT = 9.9
TOO_LATE = 13.0
ONCE = Manner()


class Voice(StrEnum):
    """How the vendor's own API answers a hub."""

    TRUTH = "truth"
    ERROR = "error"
    GARBAGE = "garbage"
    SILENCE = "silence"
    LATE = "late"
    DRIPS = "drips"
    REDIRECT = "redirect"
    STORM = "storm"
    WRONG_WORDS = "wrong_words"
    YESTERDAY = "yesterday"


@dataclass(frozen=True)
class Personality:
    """The plain vendor: a person does every step. `advance` does what needs nobody, any number of times over."""

    voice: Voice = Voice.TRUTH
    asks_for_vat: bool = False
    note: str | None = None
    manner: Manner = ONCE
    speaks_first: bool = False

    def voice_at(self, order: Order, at: datetime, pace: float) -> Voice:
        """How it answers a hub about this order at this moment."""
        return self.voice

    def advance(self, order: Order, at: datetime, pace: float) -> None:
        """Bring the order to where this vendor has got by `at`; `pace` is the length of one step in seconds."""

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        """What becomes of a change asked for by the hub, to `quantity` licences where it is one of those.

        A person has `patience` seconds to decide; a change that nobody objects to goes through then.
        """
        return Course(patience, by_hand=True)

    def ending(self, pace: float) -> Course:
        """What becomes of a cancellation by the hub."""
        return Course()

    def declines_notice(self, order: Order, quantity: int | None) -> str | None:
        """The reason given at once to a change of which the hub's webhook tells; None: it is taken up."""
        return None


class Prompt(Personality):
    """Everything is done the moment the landing page is opened."""

    def advance(self, order: Order, at: datetime, pace: float) -> None:
        fill_in_details(order)
        order.assign_up_to(order.quantity or 0)
        order.ask_to_confirm()

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        return Course()


class RefusesChanges(Prompt):
    """Prompt at buying; turns every change down."""

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        return Course(refusal=why_no_change(order, quantity))

    def declines_notice(self, order: Order, quantity: int | None) -> str | None:
        return why_no_change(order, quantity)


class RefusesLater(Prompt):
    """Takes a change up, and turns it down after a step."""

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        return Course(pace / 4, refusal=why_no_change(order, quantity))


class SilentChanges(Prompt):
    """Never says a word about a change."""

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        return Course(None)


class LateChanges(Prompt):
    """Says that a change is done a step before anybody can see it."""

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        return Course(unseen=pace)


class LastMoment(Prompt):
    """Takes a change up, and turns it down when the marketplace is about to take its silence for a yes."""

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        return Course(min(LAST_MOMENT, patience), refusal=why_no_change(order, quantity))


class TooLate(Prompt):
    """Answers when the marketplace has stopped listening, and turns a change down when it has gone through."""

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        return Course(min(TOO_LATE, patience), refusal=why_no_change(order, quantity))


class Throttles(Prompt):
    """Has too much to do for two steps, and says so; then prompt."""

    def voice_at(self, order: Order, at: datetime, pace: float) -> Voice:
        age = (at - datetime.fromisoformat(order.opened_at)).total_seconds()
        return Voice.STORM if age < 2 * pace else Voice.TRUTH


class Slow(Personality):
    """Details after one step, the licences one by one during the second, the confirmation after the third."""

    def advance(self, order: Order, at: datetime, pace: float) -> None:
        steps = 3.0 if pace <= 0 else (at - datetime.fromisoformat(order.opened_at)).total_seconds() / pace
        if steps >= 1:
            fill_in_details(order)
            order.assign_up_to(int((order.quantity or 0) * min(steps - 1, 1)))
        if steps >= 3:
            order.ask_to_confirm()

    def course(self, order: Order, quantity: int | None, pace: float, patience: float) -> Course:
        return Course(pace)

    def ending(self, pace: float) -> Course:
        return Course(pace)


class Partial(Personality):
    """Confirms with only some of the licences assigned; the rest waits for a person."""

    def advance(self, order: Order, at: datetime, pace: float) -> None:
        fill_in_details(order)
        order.assign_up_to(some_of(order.quantity or 0))
        order.ask_to_confirm()


class Asks(Prompt):
    """Waits for one more answer from the customer, and says so; then prompt."""

    def advance(self, order: Order, at: datetime, pace: float) -> None:
        answered = bool(order.confirmed_at or (order.details and order.details.get("vat_number")))
        order.ask_customer(None if answered else QUESTION)
        if answered:
            super().advance(order, at, pace)


class Refuses(Personality):
    """Turns the order down with a reason."""

    def advance(self, order: Order, at: datetime, pace: float) -> None:
        order.close(at, REASON)


PLAIN = Personality()
PERSONALITIES: dict[str, Personality] = {
    "prompt": Prompt(),
    "slow": Slow(note="We are setting this up for you. There is nothing you have to do."),
    "partial": Partial(),
    "asks": Asks(asks_for_vat=True),
    "refuses": Refuses(),
    "error500": Personality(voice=Voice.ERROR),
    "garbage": Personality(voice=Voice.GARBAGE),
    "silent": Personality(voice=Voice.SILENCE),
    "refuses-changes": RefusesChanges(),
    "refuses-later": RefusesLater(),
    "silent-changes": SilentChanges(),
    "late-changes": LateChanges(),
    "refuses-at-the-last-moment": LastMoment(),
    "too-late": TooLate(voice=Voice.LATE),
    "duplicates": Prompt(manner=Manner(copies=5)),
    "reorders": Prompt(voice=Voice.YESTERDAY, speaks_first=True),
    "wrong-words": Prompt(voice=Voice.WRONG_WORDS, manner=Manner(yes="Succeeded", no="Rejected")),
    "forges": Prompt(manner=Manner(forges=True)),
    "drips": Prompt(voice=Voice.DRIPS),
    "redirects": Prompt(voice=Voice.REDIRECT),
    "throttles": Throttles(),
}


def personality_of(offer_id: str) -> Personality:
    """The vendor behind an offer; an unknown or missing word means the plain one."""
    _, _, word = offer_id.rpartition("--")
    return PERSONALITIES.get(word, PLAIN)


def why_no_change(order: Order, quantity: int | None) -> str:
    if quantity is not None and quantity < order.assigned:
        return f"Not below the seats in use: {order.assigned}."
    return "This order is frozen: our sales team has to change it."


def some_of(quantity: int) -> int:
    """4 licences, or about half of a smaller order: always fewer than were bought."""
    return 4 if quantity > 4 else quantity // 2


def fill_in_details(order: Order) -> None:
    if order.details is None:
        email = order.purchase.get("beneficiary", {}).get("emailId") or order.suggested_user(1)
        order.set_details({"company": order.suggested_domain, "email": email})
