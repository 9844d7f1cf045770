"""Refusals in the dialect: which HTTP status and which number a HubError becomes (partner-center-v1.md section 1.2).

The number is the dialect's; the hub's own stable code stands in `data`, so that a program need not read the sentence.
"""

from typing import Any, TypedDict, cast

import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from partnerhub.api.preconditions import as_problem, wants_problem
from partnerhub.clock import now
from partnerhub.errors import (
    ActivationRefused,
    AddressNotAllowed,
    AgreementMissing,
    AgreementUnknown,
    AgreementUnknownById,
    AssigneeLimited,
    AssigneeUnfit,
    AttentionSettled,
    AttestationMissing,
    AutoRenewOff,
    AvailabilityNotFound,
    BillingFrequencyFixed,
    CancellationWindowClosed,
    CancelStepsOpen,
    CartAlreadyOrdered,
    CartEmpty,
    CartExpired,
    CartNotFound,
    ClientTaken,
    ClockBehind,
    ConcernsEveryCustomer,
    CreditBeyondInvoice,
    CurrencyInUse,
    CustomerRelationshipEnded,
    DeliveryUnderWay,
    DivergenceOver,
    DocumentLinkInvalid,
    DomainTaken,
    ExchangeRateMissing,
    HookRegisteredAlready,
    HookRemovedMeanwhile,
    HubError,
    ImportIncomplete,
    InvalidInput,
    InvoiceStateForbids,
    JobMovedOn,
    LedgerBehind,
    LiveSubscriptions,
    MultiYearLocked,
    NoPriceInCurrency,
    NotActivatedYet,
    NotFound,
    NothingAsked,
    NothingScheduled,
    NothingSelected,
    NothingToCredit,
    NothingToPoll,
    NothingToRemind,
    NothingToTry,
    NoticeNotSent,
    NotPermitted,
    NotSoldInCountry,
    OneChangeAtATime,
    OnePerCustomer,
    OnlyPrograms,
    OperationPending,
    OutsideScope,
    OverlappingPrice,
    PartnerIdTaken,
    PhraseMismatch,
    PlaceholderUnknown,
    PriceMoved,
    ProductNotFound,
    PublisherNameFixed,
    PublisherNameTaken,
    QuantityOutOfRange,
    QuantityWhileSuspended,
    QuoteExpired,
    QuoteMoved,
    QuoteUnknown,
    QuoteUsed,
    ReductionWindowClosed,
    RemindedAlready,
    RenewalUnderWay,
    RequestClosed,
    RequestInProgress,
    RequestMoved,
    RequestOwn,
    RequestReused,
    RequestTooMuch,
    ResellerAgreementMissing,
    ResellerIsProvider,
    ResellerIsSuspended,
    ResellerUnknown,
    SellerIncomplete,
    SentTooOften,
    SkuNotFound,
    SnoozeOver,
    StaleVersion,
    StatusForbids,
    SubscriptionEnded,
    SuspendedForbids,
    TaxMoved,
    TaxRateMissing,
    TenantTaken,
    TermFixed,
    TooLateToUndo,
    TooManyRows,
    TooManySecrets,
    TrialTermFixed,
    VatIdInvalid,
)
from partnerhub.outbox.recorder import Author
from partnerhub.outbox.refusals import attempt_of, is_read, keep_refusal

log = structlog.get_logger(__name__)

SOURCE = "PartnerHub"
LONGEST_DESCRIPTION = 1024

NUMBERS: dict[type[HubError], tuple[int, int]] = {
    HubError: (400, 800002),
    InvalidInput: (400, 800002),
    NotPermitted: (403, 900150),
    OutsideScope: (403, 900308),
    ConcernsEveryCustomer: (403, 900308),
    NotFound: (404, 1000),
    StaleVersion: (400, 2055),
    RequestReused: (400, 3000),
    RequestInProgress: (409, 800064),
    ProductNotFound: (404, 400013),
    SkuNotFound: (404, 400018),
    AvailabilityNotFound: (404, 400019),
    PriceMoved: (404, 400019),
    QuantityOutOfRange: (400, 2002),
    NotSoldInCountry: (403, 2085),
    NoPriceInCurrency: (403, 2091),
    OnePerCustomer: (403, 800066),
    CartNotFound: (404, 800008),
    CartEmpty: (400, 800002),
    CartExpired: (400, 800009),
    CartAlreadyOrdered: (400, 800065),
    AttestationMissing: (400, 900206),
    ResellerUnknown: (404, 800015),
    ResellerIsSuspended: (400, 800016),
    ResellerIsProvider: (404, 2072),
    ResellerAgreementMissing: (403, 900123),
    CustomerRelationshipEnded: (403, 20002),
    DomainTaken: (400, 3000),
    TenantTaken: (400, 3000),
    VatIdInvalid: (400, 3000),
    CurrencyInUse: (400, 3000),
    LiveSubscriptions: (400, 800040),
    AgreementUnknown: (400, 2200),
    AgreementUnknownById: (400, 2205),
    StatusForbids: (400, 800040),
    ActivationRefused: (400, 800041),
    NotActivatedYet: (400, 800081),
    SubscriptionEnded: (400, 2011),
    OperationPending: (409, 900278),
    SuspendedForbids: (400, 800091),
    QuantityWhileSuspended: (400, 2001),
    RenewalUnderWay: (409, 800082),
    ReductionWindowClosed: (400, 900257),
    OneChangeAtATime: (400, 800002),
    TermFixed: (400, 800121),
    TrialTermFixed: (400, 800107),
    BillingFrequencyFixed: (400, 800097),
    AutoRenewOff: (400, 800093),
    NothingScheduled: (400, 3000),
    TooLateToUndo: (409, 800060),
    QuoteUnknown: (404, 1000),
    QuoteExpired: (400, 400019),
    QuoteUsed: (409, 800064),
    QuoteMoved: (409, 400019),
    RequestOwn: (403, 900308),
    RequestClosed: (409, 800060),
    RequestMoved: (409, 400019),
    RequestTooMuch: (400, 3000),
    DivergenceOver: (409, 800060),
    AttentionSettled: (409, 800060),
    AssigneeUnfit: (400, 3000),
    AssigneeLimited: (400, 3000),
    SnoozeOver: (400, 3000),
    NothingAsked: (400, 3000),
    CancellationWindowClosed: (400, 900117),
    CancelStepsOpen: (400, 800096),
    AgreementMissing: (400, 900117),
    MultiYearLocked: (400, 900117),
    NothingToPoll: (400, 800096),
    NothingToRemind: (400, 800096),
    RemindedAlready: (409, 800060),
    SentTooOften: (409, 800060),
    PlaceholderUnknown: (400, 800002),
    ClockBehind: (500, 800094),
    InvoiceStateForbids: (400, 800040),
    NothingToCredit: (400, 800040),
    CreditBeyondInvoice: (400, 800040),
    TaxMoved: (409, 400019),
    SellerIncomplete: (400, 3000),
    TaxRateMissing: (400, 3000),
    ExchangeRateMissing: (400, 3000),
    NothingSelected: (400, 3000),
    TooManyRows: (400, 3000),
    PhraseMismatch: (400, 3000),
    JobMovedOn: (409, 800060),
    ImportIncomplete: (400, 3000),
    PartnerIdTaken: (400, 3000),
    PublisherNameTaken: (400, 3000),
    PublisherNameFixed: (400, 3000),
    ClientTaken: (400, 3000),
    OverlappingPrice: (400, 3000),
    TooManySecrets: (400, 3000),
    NothingToTry: (400, 800096),
    NoticeNotSent: (400, 800096),
    DocumentLinkInvalid: (403, 900308),
    LedgerBehind: (409, 900278),
    OnlyPrograms: (403, 900308),
    AddressNotAllowed: (400, 3000),
    HookRegisteredAlready: (409, 3000),
    HookRemovedMeanwhile: (409, 3000),
    DeliveryUnderWay: (409, 800060),
}
TARGETS = {
    "targetView": (403, 400036),
    "targetSegment": (403, 400030),
    "filter": (400, 3000),
    "relationship_type": (400, 3000),
    "mpnId": (400, 2000),
    "tenantId": (400, 2000),
    "mpnId, tenantId": (400, 2001),
}
IN_HOURS = {900117: 900213, 900257: 900214}
NO_WINDOW, NEVER_LESS = "0-hour", 800090
MISSING = {"order": 20000, "subscription": 20003, "PartnerID": 3000}
# Statuses of the framework's own refusals that the dialect has a number for; the others keep the HTTP status.
FRAMEWORK_NUMBERS = {400: 800002, 401: 400, 403: 900150, 404: 1000}
FAILED = "The hub failed. Nothing was changed; retry with the same MS-RequestId."
RETRY_SECONDS = 2
DATABASE_RETRY_SECONDS = 10


class Problem(TypedDict):
    """Every refusal. `code` is the dialect's number, `data` holds the hub's stable code, `description` the sentence."""

    code: int
    description: str
    data: list[str]
    source: str


class Throttling(TypedDict):
    """Too many calls; `Retry-After` says in how many seconds more are answered."""

    statusCode: int
    message: str


def number_of(error: HubError) -> tuple[int, int]:
    """HTTP status and the dialect's number of a refusal; a kind that is not listed answers as its nearest ancestor."""
    status, number = next(NUMBERS[kind] for kind in type(error).__mro__ if kind in NUMBERS)
    if isinstance(error, InvalidInput):
        status, number = TARGETS.get(str(error.values.get("field")), (status, number))
    if isinstance(error, NotFound):
        number = MISSING.get(str(error.values.get("what")), number)
    if isinstance(error, CancellationWindowClosed | ReductionWindowClosed):
        number = _of_window(number, str(error.values.get("window")))
    return status, number


def _of_window(number: int, window: str) -> int:
    """Windows of hours have numbers of their own, and so has a reduction that no window ever allows."""
    if "hour" not in window:
        return number
    return NEVER_LESS if number == 900257 and window == NO_WINDOW else IN_HOURS[number]


def number_of_code(code: str) -> int:
    """The dialect's number of a refusal that was stored by its stable code."""
    return next((number for kind, (_, number) in NUMBERS.items() if kind.code == code), NUMBERS[HubError][1])


def problem(number: int, description: str, *data: str) -> Problem:
    return Problem(code=number, description=description[:LONGEST_DESCRIPTION], data=list(data), source=SOURCE)


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """Turn whatever a view raised into JSON; what nobody foresaw is logged with its traceback and answers 500."""
    if isinstance(error, HubError):
        _keep(error, context["request"])
        return _refusal(error, problem_wanted=wants_problem(context["request"], context["view"]))
    if isinstance(error, RequestDataTooBig):
        return Response(problem(413, "The request is larger than this hub reads.", "too_large"), 413)
    if isinstance(error, SuspiciousOperation):
        return _refusal(InvalidInput(field="request", problem="it holds more than this hub reads"))
    if isinstance(error, OperationalError | InterfaceError):
        log.exception("database_away", exc_info=error)
        sentence = "The hub cannot reach its database. Send it again with the same MS-RequestId."
        return Response(
            problem(503, sentence, "database_away"), 503, headers={"Retry-After": str(DATABASE_RETRY_SECONDS)}
        )
    framework = exception_handler(error, context)
    if framework is None:
        log.exception("api_failed", exc_info=error)
        return Response(problem(500, FAILED), 500)
    return _dressed(error, framework)


def _keep(error: HubError, request: Request) -> None:
    """Put a refused write on record; the transaction of the write is rolled back by now."""
    if not is_read(request._request):
        keep_refusal(
            error, attempt_of(request._request, "api", _asked(request)), actor=cast(Author, request.user), at=now()
        )


def _asked(request: Request) -> dict[str, Any]:
    """The body, where it is a JSON object; what was refused before it was read may have none that can be read."""
    try:
        return request.data if isinstance(request.data, dict) else {}
    except (APIException, SuspiciousOperation, RecursionError):
        return {}


def _refusal(error: HubError, *, problem_wanted: bool = False) -> Response:
    status, number = number_of(error)
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 409 else {}
    if problem_wanted:
        return as_problem(error, status, number, headers)
    return Response(problem(number, str(error), error.code), status, headers=headers)


def _dressed(error: Exception, response: Response) -> Response:
    status = response.status_code
    if isinstance(error, Throttled):
        message = f"Rate limit is exceeded. Try again in {response.headers.get('Retry-After', '1')} seconds."
        response.data = Throttling(statusCode=status, message=message)
        return response
    sentence = str(error.detail) if isinstance(error, APIException) else "Not found."
    code = error.get_codes() if isinstance(error, APIException) else "not_found"
    response.data = problem(FRAMEWORK_NUMBERS.get(status, status), sentence, str(code))
    return response
