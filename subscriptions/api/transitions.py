"""Another plan of the same offer, as the dialect's transitions: a plan change is an operation seen from outside."""

from typing import Any, NotRequired, TypedDict
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from partnerhub.api.idempotency import idempotent
from partnerhub.api.preconditions import PREFER, prefers_async
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, Guid, Utc, collection, guid, utc
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import HubError, InvalidInput
from publishers.models import PlanTerm
from publishers.selectors import plan_terms_of
from subscriptions.api import examples, grants
from subscriptions.api.changes import other_plan
from subscriptions.api.views import led_on, subscription_of
from subscriptions.changes import AT_RENEWAL, NOW, Change
from subscriptions.enums import OperationAction, OperationStatus
from subscriptions.models import Operation, Subscription
from subscriptions.services.allowing import plan_refusals
from subscriptions.services.plans import change_plan
from subscriptions.services.quoting import commit

KIND = "transition_only"
WHEN = {"immediate": NOW, "scheduled": AT_RENEWAL}
_EVENTS = {OperationStatus.SUCCEEDED: "Completed", OperationStatus.FAILED: "Failed"}


class TransitionBody(serializers.Serializer[Any]):
    """`toCatalogItemId` names another plan of the same offer; the licences go with it. `quoteId` is of a preview."""

    toCatalogItemId = serializers.CharField(max_length=64)
    quantity = serializers.IntegerField(required=False, allow_null=True)
    transitionType = serializers.CharField(max_length=40, required=False, allow_null=True)
    quoteId = serializers.CharField(max_length=40, required=False, allow_null=True)


class TransitionEvent(TypedDict):
    name: str
    status: str
    timestamp: Utc
    errors: NotRequired[list[str]]


class Transition(TypedDict):
    """`events` tells how far it is: Started, Completed or Failed with the publisher's reason."""

    operationId: Guid
    fromCatalogItemId: str
    fromSubscriptionId: Guid
    toCatalogItemId: str
    toSubscriptionId: Guid
    quantity: int
    termDuration: str
    billingCycle: str
    transitionType: str
    events: list[TransitionEvent]


class Eligibility(TypedDict):
    """`errors` holds the codes of what stands against it."""

    isEligible: bool
    transitionType: str
    errors: list[str]


class TransitionEligibility(TypedDict):
    catalogItemId: str
    title: str
    description: str
    quantity: int
    eligibilities: list[Eligibility]


class Transitions(Resource):
    @operation(
        "listTransitions",
        "Its plan changes",
        Collection[Transition],
        query={"operationId": "Only that one."},
        about="The newest first, failed ones too.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.TRANSITIONS,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found = subscription_of(caller(request), customer_id, subscription_id)
        rows = found.operations.filter(action=OperationAction.CHANGE_PLAN).order_by("-created_at")
        if wanted := request.query_params.get("operationId"):
            rows = rows.filter(pk=guid(wanted, "operation"))
        return Response(collection(_shown(found, list(rows)), f"{_uri(found)}/transitions"))

    @operation(
        "changePlan",
        "Ask the publisher for another plan",
        Transition,
        body=TransitionBody,
        headers=(PREFER,),
        accepted="As was preferred: `Location` leads to the operation.",
        about="All licences change together, when the publisher has accepted; the term stays.",
        roles=grants.CHANGERS,
        refusals=grants.CHANGING_PLAN,
        example=examples.PLAN_CHANGE,
        answer=examples.TRANSITION,
    )
    @led_on(lambda shown, named: f"{_path(**named)}/operations/{shown['operationId']}")
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        body = checked(TransitionBody(data=body_of(request)))
        if body.get("quantity") not in (None, found.quantity):
            raise InvalidInput(field="quantity", problem=f"all {found.quantity} licences change their plan together")
        target, quote_id = other_plan(found, body["toCatalogItemId"]), body.get("quoteId")
        if quote_id:
            commit(actor, found.pk, guid(quote_id, "quote"), Change(plan_term_id=target.pk), at=at)
        else:
            change_plan(actor, found.pk, plan_term_id=target.pk, version=None, at=at)
        asked = found.operations.filter(action=OperationAction.CHANGE_PLAN).order_by("-created_at")[:1]
        return Response(next(iter(_shown(found, list(asked))), None), 202 if prefers_async(request) else 200)


class TransitionEligibilities(Resource):
    @operation(
        "listTransitionEligibilities",
        "The plans that it could change to",
        Collection[TransitionEligibility],
        query={"eligibilityType": "`immediate` (default) or `scheduled`, at renewal."},
        about="Other plans of the same offer, each with the codes of what stands against it.",
        roles=grants.READERS,
        refusals=(*grants.READING, InvalidInput),
        answer=examples.ELIGIBILITIES,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        kind = request.query_params.get("eligibilityType", "immediate")
        if kind not in WHEN:
            raise InvalidInput(field="eligibilityType", problem=f"immediate or scheduled is expected, not {kind[:40]}")
        others = plan_terms_of(found.offer_id).exclude(pk=found.plan_term_id)
        if WHEN[kind] == NOW:
            # Another billing cycle of the same plan is set by PATCH.
            others = others.exclude(plan=found.plan_id)
        terms = list(others)
        met = plan_refusals(found, terms, WHEN[kind], at)
        shown = [_eligibility(found, term, met[term.pk]) for term in terms]
        return Response(collection(shown, f"{_uri(found)}/transitionEligibilities"))


def _eligibility(found: Subscription, term: PlanTerm, refusal: HubError | None) -> TransitionEligibility:
    errors = [refusal.code] if refusal else []
    return TransitionEligibility(
        catalogItemId=term.catalog_item_id,
        title=term.plan.title,
        description=term.plan.description,
        quantity=found.quantity,
        eligibilities=[Eligibility(isEligible=not errors, transitionType=KIND, errors=errors)],
    )


def _shown(found: Subscription, operations: list[Operation]) -> list[Transition]:
    ids = {UUID(one.payload[side]["plan_term"]) for one in operations for side in ("before", "after")}
    terms = PlanTerm.objects.select_related("plan__offer").in_bulk(ids)
    return [_transition(found, one, terms) for one in operations]


def _transition(found: Subscription, asked: Operation, terms: dict[Any, PlanTerm]) -> Transition:
    before, after = asked.payload["before"], asked.payload["after"]
    return Transition(
        operationId=str(asked.pk),
        fromCatalogItemId=terms[UUID(before["plan_term"])].catalog_item_id,
        fromSubscriptionId=str(found.pk),
        toCatalogItemId=terms[UUID(after["plan_term"])].catalog_item_id,
        toSubscriptionId=str(found.pk),
        quantity=found.quantity,
        termDuration=after["term"],
        billingCycle=after["billing_cycle"],
        transitionType=KIND,
        events=[_event(asked)],
    )


def _event(asked: Operation) -> TransitionEvent:
    status = _EVENTS.get(OperationStatus(asked.status), "Started")
    event = TransitionEvent(name="Conversion", status=status, timestamp=utc(asked.completed_at or asked.created_at))
    if status == "Failed":
        event["errors"] = [asked.last_error]
    return event


def _uri(found: Subscription) -> str:
    return _path(str(found.customer_id), str(found.pk))


def _path(customer_id: str, subscription_id: str) -> str:
    return f"/customers/{customer_id}/subscriptions/{subscription_id}"
