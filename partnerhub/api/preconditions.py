"""What a program asks for besides the act: which version it has seen, how it wants to wait, how it reads a refusal."""

from typing import Any, TypedDict

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from partnerhub.errors import HubError, StaleVersion

PROBLEM = "application/problem+json"
RESPOND_ASYNC = "respond-async"
EVERY_STATUS = "every-status"
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=f"`{RESPOND_ASYNC}`: answer 202 with the operation where the publisher must be asked. "
    f"`{EVERY_STATUS}`: `status` is also `pending` or `expired`.",
)
STATUSES = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=f"`{EVERY_STATUS}`: `status` is also `pending` or `expired`; without, active, suspended or deleted.",
)


class ProblemDetails(TypedDict):
    """A refusal of the hub's own resources for who accepts `application/problem+json`; `code` as in the dialect's."""

    type: str
    title: str
    status: int
    detail: str
    code: int


def prefers_async(request: Request) -> bool:
    """Whether `Prefer` names respond-async (RFC 7240), among others perhaps and in any case."""
    return _prefers(request, RESPOND_ASYNC)


def prefers_every_status(request: Request) -> bool:
    """Whether the caller knows more statuses of a subscription than active, suspended and deleted."""
    return _prefers(request, EVERY_STATUS)


def _prefers(request: Request, word: str) -> bool:
    asked = request.headers.get("Prefer", "").split(",")
    return any(one.partition(";")[0].strip().lower() == word for one in asked)


def wants_problem(request: Request, view: Any) -> bool:
    """Whether this is one of the hub's own resources and its caller reads application/problem+json (RFC 9457).

    The dialect's resources answer as the dialect does, whatever they are asked for.
    """
    ranges = (one.partition(";")[0].strip().lower() for one in request.headers.get("Accept", "").split(","))
    return getattr(view, "is_own", False) and PROBLEM in ranges


def as_problem(error: HubError, status: int, number: int, headers: dict[str, str]) -> Response:
    """A refusal as RFC 9457 writes it, with the dialect's number; a stale etag is 412 here."""
    if isinstance(error, StaleVersion):
        status = 412
    body = ProblemDetails(
        type=f"urn:partnerhub:refusal:{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=status,
        detail=str(error),
        code=number,
    )
    return Response(body, status, headers=headers, content_type=PROBLEM)
