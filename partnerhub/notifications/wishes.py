"""What a person wants to be told, how and when: role defaults, own choices, quiet hours, the daily digest. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts.policy import Role
from partnerhub.notifications.enums import PERSONAL, How, Topic

_STRENGTH = (How.OFF, How.IN_APP, How.DIGEST, How.NOW)
_FOR_EVERYBODY = dict.fromkeys(PERSONAL, How.NOW)

# What a role is told unless the person chooses otherwise; what is not named is off.
DEFAULTS: dict[Role, dict[Topic, How]] = {
    Role.ADMIN_AGENT: {
        Topic.PUBLISHER_REFUSED: How.IN_APP,
        Topic.ACTIVATION_DEADLINE: How.NOW,
        Topic.WINDOW_CLOSING: How.DIGEST,
        Topic.CHANGE_ASKED: How.NOW,
        Topic.RENEWAL_UNANNOUNCED: How.DIGEST,
        Topic.PAYMENT_SUSPENDED: How.DIGEST,
    },
    Role.SALES_AGENT: {
        Topic.PUBLISHER_ASKS: How.NOW,
        Topic.PUBLISHER_REFUSED: How.NOW,
        Topic.LINK_EXPIRED: How.DIGEST,
        Topic.ACTIVATION_DEADLINE: How.NOW,
    },
    Role.OPS_AGENT: {
        Topic.PUBLISHER_ASKS: How.IN_APP,
        Topic.LINK_EXPIRED: How.IN_APP,
        Topic.CHANGE_WAITING: How.DIGEST,
        Topic.CHANGE_FAILED: How.NOW,
        Topic.DRIFT: How.DIGEST,
        Topic.PUBLISHER_DOWN: How.NOW,
    },
    Role.PLATFORM_ADMIN: {Topic.PUBLISHER_DOWN: How.NOW, Topic.SECRET_EXPIRING: How.NOW},
}


def default_how(topic: Topic, roles: Collection[Role]) -> How:
    """How somebody who holds these roles is told of a topic: the strongest of the roles' defaults."""
    if topic in _FOR_EVERYBODY:
        return _FOR_EVERYBODY[topic]
    told = (DEFAULTS.get(role, {}).get(topic, How.OFF) for role in roles)
    return max(told, key=_STRENGTH.index, default=How.OFF)


def default_only_own(roles: Collection[Role]) -> bool:
    """Whether somebody hears of own subscriptions alone: who only sells."""
    return set(roles) == {Role.SALES_AGENT}


@dataclass(frozen=True, slots=True)
class Wishes:
    """A person's wishes. Times of day are those of `zone`; quiet hours begin inclusive, end exclusive, and may pass
    midnight; equal ones are none. `choices` are the person's own, the roles' defaults fill the rest.
    """

    roles: tuple[Role, ...]
    choices: Mapping[Topic, How] = field(default_factory=dict)
    only_own: bool = False
    zone: str = "UTC"
    digest_hour: int = 8
    quiet_from: time | None = None
    quiet_until: time | None = None

    def how(self, topic: Topic, *, own: bool) -> How:
        """How this person is told of a topic; `own`: the person bought the subscription or takes the item."""
        if self.only_own and not own and topic not in PERSONAL:
            return How.OFF
        return self.choices.get(topic) or default_how(topic, self.roles)

    def due_at(self, how: How, at: datetime) -> datetime | None:
        """When (UTC) something of this moment is told outside of the hub; None when it is not."""
        if how == How.NOW:
            return self._after_quiet(at)
        return self._after_quiet(self._next_digest(at)) if how == How.DIGEST else None

    def _next_digest(self, at: datetime) -> datetime:
        local = at.astimezone(ZoneInfo(self.zone))
        today = self._local(local, time(self.digest_hour))
        return today if today > at else self._local(local + timedelta(days=1), time(self.digest_hour))

    def _after_quiet(self, at: datetime) -> datetime:
        if self.quiet_from is None or self.quiet_until is None or self.quiet_from == self.quiet_until:
            return at
        local = at.astimezone(ZoneInfo(self.zone))
        clock, overnight = local.time(), self.quiet_from > self.quiet_until
        is_evening = clock >= self.quiet_from
        is_quiet = is_evening or clock < self.quiet_until if overnight else is_evening and clock < self.quiet_until
        if not is_quiet:
            return at
        end = local + timedelta(days=1) if overnight and is_evening else local
        return self._local(end, self.quiet_until)

    def _local(self, day: datetime, clock: time) -> datetime:
        return datetime.combine(day.date(), clock, ZoneInfo(self.zone)).astimezone(UTC)
