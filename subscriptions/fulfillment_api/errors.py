"""Refusals as publishers' programs read them (fulfillment-v2.md sections 2 and 5): always JSON, code and message."""

from typing import Any

from accounts.tokens import Mismatch
from partnerhub.errors import (
    ActivationRefused,
    ForeignSubscription,
    HubError,
    NoLicences,
    NotFound,
    NotPermitted,
    OperationFinal,
    OperationNeedsNoAnswer,
    OperationPending,
    PlanNotAvailable,
    PublisherMayNot,
    QuantityOutOfRange,
    ReductionWindowClosed,
    TokenExpired,
    TokenForeign,
    TokenMalformed,
)
from subscriptions.enums import Status

PENDING = "Another operation on this subscription is pending: try again when it is over."
TOKEN_HEADER = "x-ms-marketplace-token"  # noqa: S105 - a header's name

_ANSWERS: dict[type[HubError], tuple[int, str, str]] = {
    ActivationRefused: (400, "BadRequest", "saasSubscriptionStatus"),
    ForeignSubscription: (403, "Forbidden", "publisher"),
    NoLicences: (400, "BadRequest", "quantity"),
    NotFound: (404, "EntityNotFound", ""),
    NotPermitted: (403, "Forbidden", ""),
    OperationFinal: (409, "Conflict", "status"),
    OperationNeedsNoAnswer: (400, "BadRequest", "action"),
    PlanNotAvailable: (400, "BadRequest", "planId"),
    PublisherMayNot: (400, "BadRequest", "allowedCustomerOperations"),
    QuantityOutOfRange: (400, "BadRequest", "quantity"),
    ReductionWindowClosed: (400, "BadRequest", "quantity"),
    TokenExpired: (400, "InvalidValue", TOKEN_HEADER),
    TokenForeign: (403, "Forbidden", "publisher"),
    TokenMalformed: (400, "InvalidValue", TOKEN_HEADER),
}


class Fault(Exception):
    """An answer that is an error: HTTP status, the marketplace's code, a sentence, and the part it is about."""

    def __init__(self, status: int, code: str, message: str, target: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.target = status, code, message, target

    def body(self) -> dict[str, Any]:
        """The JSON of the answer; `target` is absent when there is none."""
        target = {"target": self.target} if self.target else {}
        return {"code": self.code, "message": self.message, **target}


class VersionFault(Fault):
    """The api-version is missing or unknown: the one error that is wrapped in `Error`."""

    def body(self) -> dict[str, Any]:
        return {"Error": {"Code": self.code, "Message": self.message}}


class NoCredential(Fault):
    def __init__(self) -> None:
        super().__init__(401, "Unauthorized", "A bearer token is required: none was sent.")


class BadCredential(Fault):
    """The token proves nothing here. Names what did not match, never what was sent in its place."""

    def __init__(self, mismatch: Mismatch | str, message: str) -> None:
        super().__init__(403, "Forbidden", message, str(mismatch))


def fault_of(error: HubError, method: str) -> Fault:
    """The answer that a business refusal becomes. An ended subscription is unknown to the one who activates it; which
    operation is pending is not told, for it may be one that can still be undone.
    """
    if isinstance(error, OperationPending):
        return Fault(409 if method == "DELETE" else 400, "Conflict", PENDING)
    if isinstance(error, ActivationRefused) and error.values.get("status") == Status.UNSUBSCRIBED:
        return Fault(404, "EntityNotFound", str(error))
    status, code, target = _ANSWERS.get(type(error), (400, "BadRequest", ""))
    return Fault(status, code, str(error), target)
