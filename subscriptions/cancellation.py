"""Whether a subscription can be cancelled, until when, and what is paid back (rules 45 to 53). Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from subscriptions.enums import Status
from subscriptions.terms import midnight

MULTI_YEAR = {"P2Y": 2, "P3Y": 3}
PAID_AT_ONCE = "one_time"


class How(StrEnum):
    """The rule that decides."""

    BEFORE_ACTIVATION = "before_activation"
    IN_TRIAL = "in_trial"
    IN_WINDOW = "in_window"
    BY_AGREEMENT = "by_agreement"
    AT_TERM_END = "at_term_end"
    LOCKED = "locked"
    ENDED = "ended"


class Refund(StrEnum):
    """What is paid back of what was charged; a whole charge or nothing (rule 50)."""

    FULL = "full"
    NONE = "none"
    NOTHING_CHARGED = "nothing was charged"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules ask about a subscription; `trial_ends` is a UTC day, exclusive."""

    status: Status
    purchased_at: datetime
    activate_by: datetime
    trial_ends: date | None
    term: str
    billing_cycle: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The policies that apply: `cancel_within`, `cancel_after_window`, `multi_year_locked` and `cancel_steps`."""

    within: timedelta
    by_agreement: bool
    multi_year_locked: bool
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelTerms:
    """On what terms a subscription is cancelled now. `refund` is what the hub pays back by itself.

    `until` (exclusive) is None when the agent cannot cancel without the publisher; `window_ends` (exclusive) is the end
    of the full refund, whether past or to come, and None before activation. `steps` are the publisher's, to be done
    first.
    """

    how: How
    refund: Refund
    until: datetime | None
    window_ends: datetime | None
    steps: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether the agent can cancel without asking anybody."""
        return self.how in (How.BEFORE_ACTIVATION, How.IN_TRIAL, How.IN_WINDOW)

    @property
    def is_possible(self) -> bool:
        return self.is_free or self.how == How.BY_AGREEMENT

    @property
    def refund_until(self) -> datetime | None:
        """Until when (exclusive) everything charged is paid back; None when it is not."""
        return self.window_ends if self.refund == Refund.FULL else None


def verdict(facts: Facts, rules: Rules, at: datetime) -> CancelTerms:
    """The one judgement that service, page and API share."""
    if facts.status == Status.UNSUBSCRIBED:
        return CancelTerms(How.ENDED, Refund.NONE, None, None)
    if facts.status == Status.PENDING:
        return CancelTerms(How.BEFORE_ACTIVATION, Refund.NOTHING_CHARGED, facts.activate_by, None, rules.steps)
    closes = facts.purchased_at + rules.within
    refund = Refund.FULL if at < closes else Refund.NONE
    trial_ends = midnight(facts.trial_ends)
    if trial_ends and at < trial_ends:
        return CancelTerms(How.IN_TRIAL, refund, max(trial_ends, closes), closes, rules.steps)
    if at < closes:
        return CancelTerms(How.IN_WINDOW, refund, closes, closes, rules.steps)
    return CancelTerms(_late(facts, rules), refund, None, closes, rules.steps)


def _late(facts: Facts, rules: Rules) -> How:
    """What applies after the window. A plan paid in instalments is locked before anybody is asked (rule 48)."""
    if rules.multi_year_locked and facts.term in MULTI_YEAR and facts.billing_cycle != PAID_AT_ONCE:
        return How.LOCKED
    return How.BY_AGREEMENT if rules.by_agreement else How.AT_TERM_END


def window_in_words(window: timedelta) -> str:
    """A window as refusals name it: whole days past three as days, all else in hours."""
    if window.days > 3 and not window.seconds:
        return f"{window.days}-day"
    return f"{window // timedelta(hours=1)}-hour"
