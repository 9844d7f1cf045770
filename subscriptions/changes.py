"""What can be asked of a subscription, as one value that page, API, bulk changes and requests share. Pure."""

from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

NOW, AT_RENEWAL = "now", "renewal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Fields to set; None leaves one as it is. `when` is now, or renewal: then quantity and plan begin with the next
    term. `status` is active, suspended or deleted; the last four say how a cancellation is done.
    """

    nickname: str | None = None
    quantity: int | None = None
    plan_term_id: UUID | None = None
    auto_renew: bool | None = None
    partner_id: str | None = None
    status: str | None = None
    when: str = NOW
    steps_done: bool = False
    agreement: str = ""
    agreed_refund: str = "none"

    def as_json(self) -> dict[str, Any]:
        """What differs from nothing at all, in JSON's types; read back by `change_from`."""
        blank = asdict(Change())
        values = {name: value for name, value in asdict(self).items() if value != blank[name]}
        return {name: str(value) if isinstance(value, UUID) else value for name, value in values.items()}

    @property
    def is_empty(self) -> bool:
        asked = (self.nickname, self.quantity, self.plan_term_id, self.auto_renew, self.partner_id, self.status)
        return all(value is None for value in asked)


def change_from(values: dict[str, Any]) -> Change:
    """The change that `as_json` wrote. Raises TypeError for a field that is none of a change."""
    known = {field.name for field in fields(Change)}
    if unknown := set(values) - known:
        raise TypeError(f"not of a change: {', '.join(sorted(unknown))}")
    plan_term = values.get("plan_term_id")
    return Change(**{**values, "plan_term_id": UUID(plan_term) if plan_term else None})
