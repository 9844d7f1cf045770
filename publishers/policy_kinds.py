"""Every policy by name, and what its value may be. Pure: the values themselves are dated rows (docs/policies.md)."""

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Protocol

from partnerhub.clock import parse_duration
from partnerhub.money import Money

LONGEST_VALUE = 1000
_THRESHOLD = re.compile(r"(?P<percent>\d{1,3}(?:\.\d{1,2})?)% (?P<amount>\d{1,7}(?:\.\d{1,4})?) (?P<currency>[A-Z]{3})")
OFF = "off"
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_TEN_YEARS = timedelta(days=3650)
MOST_DAYS = 365


class Kind(Protocol):
    def stored(self, value: object) -> str:
        """A value as its row holds it. Raises ValueError, saying what is wrong with it, when it is of another kind."""


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration of days, hours, minutes and seconds; both bounds are allowed."""

    shortest: timedelta = timedelta(0)
    longest: timedelta = _TEN_YEARS

    def stored(self, value: object) -> str:
        try:
            duration = parse_duration(value)  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError):
            raise ValueError("is not an ISO 8601 duration of days, hours, minutes and seconds") from None
        if not self.shortest <= duration <= self.longest:
            raise ValueError(f"is not between {self.shortest} and {self.longest}")
        return str(value)


@dataclass(frozen=True, slots=True)
class Word:
    """One word out of a few."""

    choices: tuple[str, ...]

    def stored(self, value: object) -> str:
        if value not in self.choices:
            raise ValueError(f"is not one of {', '.join(self.choices)}")
        return str(value)


class Lines:
    """A list of sentences, in order; it may be empty."""

    def stored(self, value: object) -> str:
        if not isinstance(value, list) or not all(_is_line(line) for line in value):
            raise ValueError("is not a list of sentences, each on a line of its own")
        text = "\n".join(line.strip() for line in value)
        if len(text) > LONGEST_VALUE:
            raise ValueError(f"is longer than {LONGEST_VALUE} characters")
        return text


def _is_line(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


@dataclass(frozen=True, slots=True)
class Threshold:
    """How far something may go by itself: `percent` of what there is and `amount`, whichever is reached first."""

    percent: Decimal
    amount: Money

    def allows(self, before: int, after: int, cost: Money) -> bool:
        """Whether a number changes by no more than the percentage, for less than the amount in its own currency."""
        within = abs(after - before) * 100 <= self.percent * before
        return within and cost.currency == self.amount.currency and abs(cost.amount) < self.amount.amount


class Days:
    """Numbers of days, the largest first, each once: `90 60 30 7 1`; none switches it off."""

    def stored(self, value: object) -> str:
        words = value.split() if isinstance(value, str) else [""]
        days = [int(word) for word in words if word.isascii() and word.isdecimal()]
        falling = all(earlier > later for earlier, later in pairwise(days))
        if len(days) != len(words) or not falling or not all(1 <= one <= MOST_DAYS for one in days):
            raise ValueError(f"is not a list of days between 1 and {MOST_DAYS}, the largest first")
        return " ".join(map(str, days))


class ThresholdOrOff:
    """`10% 200 EUR`, or `off`."""

    def stored(self, value: object) -> str:
        if not isinstance(value, str) or (value != OFF and not _THRESHOLD.fullmatch(value)):
            raise ValueError(f"is neither {OFF} nor a percentage and an amount such as 10% 200 EUR")
        return value


def read_threshold(text: str) -> Threshold | None:
    """A stored threshold; None when it is off. Raises ValueError for what is neither."""
    if text == OFF:
        return None
    match = _THRESHOLD.fullmatch(text)
    if match is None:
        raise ValueError(f"not a threshold: {text!r}")
    return Threshold(Decimal(match["percent"]), Money(Decimal(match["amount"]), match["currency"]))


_MINUTE = timedelta(minutes=1)

KINDS: dict[str, Kind] = {
    "activate_differing": Word(("accept", "refuse")),
    "activate_within": Duration(_SECOND),  # rule 24
    "added_seats_price": Word(("term", "list")),
    "answer_within": Duration(_SECOND, _DAY),  # rule 41
    "auto_approve": ThresholdOrOff(),
    "billing_frequency_change": Word(("at_renewal", "now")),  # rule 69
    "cancel_after_window": Word(("at_term_end", "by_agreement")),  # rules 46, 47
    "cancel_steps": Lines(),  # rule 27
    "cancel_within": Duration(),  # rule 45
    "cart_lives": Duration(_SECOND),  # rule 4
    "change_waits": Duration(_SECOND),
    "customer_page_lives": Duration(_MINUTE, timedelta(days=90)),
    "deliveries_kept": Duration(_DAY),
    "drift_check_every": Duration(_MINUTE),
    "invoice_due_within": Duration(),  # rule 74
    "invoice_review": Duration(),  # rule 74
    "link_lives": Duration(_SECOND),  # rule 20
    "mails_kept": Duration(_DAY),
    "multi_year_locked": Word(("yes", "no")),  # rule 48
    "offer_cancel_after": Duration(_SECOND),
    "publisher_changes": Word(("refused", "update", "update_and_delete")),  # rules 29, 43
    "quote_lives": Duration(_SECOND, _DAY),
    "reduce_within": Duration(),  # rule 39
    "refusals_kept": Duration(_DAY),
    "remind_admin_after": Duration(_SECOND),
    "remind_agent_after": Duration(_SECOND),
    "remind_customer_after": Duration(_SECOND),
    "remind_publisher_after": Duration(_SECOND),
    "renewal_notice_days": Days(),
    "renewal_price": Word(("current", "kept")),
    "request_lives": Duration(_SECOND),
    "rounding": Word(("line", "unit")),  # rule 80
    "silence_means": Word(("accept", "refuse", "wait")),  # rule 41
    "subscribe_notice": Word(("no", "yes")),
    "suspension_lasts": Duration(_SECOND),  # rule 62
    "undo_within": Duration(timedelta(0), timedelta(seconds=300)),
    "warn_activation_within": Duration(),
    "warn_change_after": Duration(),
    "warn_renewal_within": Duration(),
    "warn_secret_within": Duration(),
    "warn_window_within": Duration(),
}
