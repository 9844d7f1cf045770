"""Subscriptions: the views."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypedDict

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, Actor, authorize
from customers.selectors import customer_for
from partnerhub.api.etag import version_seen
from partnerhub.api.idempotency import Handler, idempotent
from partnerhub.api.preconditions import PREFER, RESPOND_ASYNC, STATUSES, prefers_async, prefers_every_status
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import IF_MATCH, operation
from partnerhub.api.shapes import Collection, Guid, Utc, collection, guid, utc
from partnerhub.api.views import OwnResource, Resource
from partnerhub.clock import now
from partnerhub.errors import NotFound, NothingToPoll
from subscriptions.api import examples, gates, grants, shapes
from subscriptions.api.changes import SubscriptionBody, apply_changes
from subscriptions.api.gates import BillingGates, TimelineEntry
from subscriptions.api.links import ActivationLink, activation_link
from subscriptions.api.shapes import Reader, SubscriptionProvisioning, SubscriptionShown
from subscriptions.enums import OperationAction
from subscriptions.models import Subscription
from subscriptions.selectors import (
    bare_subscriptions_visible_to,
    events_of,
    operation_in_flight,
    subscription_for,
    subscriptions_visible_to,
)
from subscriptions.services.asking import poll_now

RETRY_SECONDS = 5
ASKED_OF_PUBLISHER = (OperationAction.CHANGE_QUANTITY, OperationAction.CHANGE_PLAN)
LIST_QUERY = {"order_id": "Only those of one order.", "mpn_id": "Only those with this reseller's PartnerID."}


class PollAsked(TypedDict):
    subscriptionId: Guid
    askedAt: Utc


def subscription_of(actor: Actor, customer_id: str, subscription_id: str) -> Subscription:
    """One subscription of one customer. Raises NotFound, also when it is another customer's."""
    customer = customer_for(actor, guid(customer_id, "customer"))
    found = subscription_for(actor, guid(subscription_id, "subscription"))
    if found.customer_id != customer.pk:
        raise NotFound(what="subscription", id=subscription_id)
    return found


def bare_subscription_of(actor: Actor, customer_id: str, subscription_id: str) -> Subscription:
    """The same with nothing read beside it, in one statement: for what is told of it rather than about it."""
    authorize(actor, Action.CUSTOMER_READ)
    owner, wanted = guid(customer_id, "customer"), guid(subscription_id, "subscription")
    found = bare_subscriptions_visible_to(actor).filter(pk=wanted, customer=owner).first()
    if found is None:
        customer_for(actor, owner)
        raise NotFound(what="subscription", id=subscription_id)
    return found


def led_on(operation_uri: Callable[[Any, dict[str, str]], str]) -> Callable[[Handler], Handler]:
    """Lead whoever is answered 202 to the operation that it waits for (RFC 7240); a repeated request, too.

    `operation_uri` makes the link out of the answer and the ids in the address.
    """

    def wrapped(handler: Handler) -> Handler:
        @wraps(handler)
        def led(*args: Any, **named: Any) -> Response:
            response = handler(*args, **named)
            if response.status_code == 202:
                response["Location"] = f"{settings.HUB_BASE_URL}/v1{operation_uri(response.data, named)}"
                response["Retry-After"] = str(RETRY_SECONDS)
                response["Preference-Applied"] = RESPOND_ASYNC
            return response

        return led

    return wrapped


def _reader(request: Request, actor: Actor, at: datetime) -> Reader:
    return Reader.of(actor, at, knows_every_status=prefers_every_status(request))


class Subscriptions(Resource):
    @operation(
        "listSubscriptions",
        "A customer's subscriptions",
        Collection[SubscriptionShown],
        query=LIST_QUERY,
        headers=(STATUSES,),
        about="All of them, those that ended too.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.SUBSCRIPTIONS,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        actor = caller(request)
        customer = customer_for(actor, guid(customer_id, "customer"))
        rows = subscriptions_visible_to(actor).filter(customer=customer)
        if order_id := request.query_params.get("order_id"):
            rows = rows.filter(order_line__order=guid(order_id, "order"))
        if partner_id := request.query_params.get("mpn_id"):
            rows = rows.filter(reseller=partner_id)
        reader = _reader(request, actor, now())
        shown = (shapes.subscription(found, reader) for found in rows.prefetch_related("tranches"))
        return Response(collection(shown, f"/customers/{customer.pk}/subscriptions"))


class SubscriptionById(Resource):
    @operation(
        "getSubscription",
        "One subscription",
        SubscriptionShown,
        headers=(STATUSES,),
        about="`attributes.etag` is what a change sends back, so that it changes what was seen.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.SHOWN,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor = caller(request)
        found = subscription_of(actor, customer_id, subscription_id)
        return Response(shapes.subscription(found, _reader(request, actor, now())))

    @operation(
        "changeSubscription",
        "Change it, or end it",
        SubscriptionShown,
        body=SubscriptionBody,
        headers=(IF_MATCH, PREFER),
        accepted="As was preferred: it waits for the publisher, and `Location` leads to the operation.",
        about=(
            "What waits for the publisher is not done yet: the subscription is as it was, and `links.operation` leads "
            "to the change. Who prefers `respond-async` is answered 202 then, everybody else 200."
        ),
        roles=grants.CHANGERS,
        refusals=grants.CHANGING,
        example=examples.CHANGE,
        answer=examples.CHANGED,
    )
    @led_on(lambda shown, named: str(shown["links"]["operation"]["uri"]))
    @idempotent
    def patch(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        earlier = operation_in_flight(found)
        body = body_of(request)
        version = version_seen(request, body, found.pk)
        values = checked(SubscriptionBody(data=body, partial=True))
        changed = apply_changes(actor, found, values, version=version, at=at)
        shown = shapes.subscription(changed, _reader(request, actor, at))
        waiting = operation_in_flight(changed)
        # What waits for the publisher is not done yet (rule 91); an end is, whether the publisher knows or not.
        waits = waiting is not None and waiting != earlier and waiting.action in ASKED_OF_PUBLISHER
        return Response(shown, 202 if waits and prefers_async(request) else 200)


class SubscriptionActivationLinks(Resource):
    @operation(
        "mintLink",
        "A fresh link to the publisher",
        Collection[ActivationLink],
        about="Made for this answer; it lives 24 hours and is for the customer only.",
        roles=grants.LINK_OPENERS,
        refusals=grants.LINKING,
        answer=examples.LINKS,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor = caller(request)
        found = subscription_of(actor, customer_id, subscription_id)
        uri = f"/customers/{customer_id}/subscriptions/{subscription_id}/activationlinks"
        return Response(collection([activation_link(actor, found.order_line, now())], uri))


class Provisioning(Resource):
    @operation(
        "getProvisioning",
        "Whether the publisher has fulfilled it",
        SubscriptionProvisioning,
        about="Also while other licences wait for the publisher.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.PROVISIONING,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        return Response(shapes.provisioning(subscription_of(caller(request), customer_id, subscription_id)))


class Gates(OwnResource):
    @operation(
        "getBillingGates",
        "What must hold before it is billed",
        BillingGates,
        about="Billing starts when all of them hold, dated by the later confirmation.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.GATES,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        return Response(gates.billing_gates(subscription_of(caller(request), customer_id, subscription_id)))


class Timeline(OwnResource):
    @operation(
        "listTimeline",
        "What happened to it, newest first",
        Collection[TimelineEntry],
        about="Whatever changed it, with who did and why.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=examples.TIMELINE,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found = bare_subscription_of(caller(request), customer_id, subscription_id)
        shown = map(gates.timeline_entry, events_of(found))
        return Response(collection(shown, f"/customers/{customer_id}/subscriptions/{subscription_id}/timeline"))


class Poll(OwnResource):
    @operation(
        "pollSubscription",
        "Ask the publisher now: a worker does within seconds",
        PollAsked,
        status=202,
        about="The answer is not waited for: read the billing gates again.",
        roles=grants.POLLERS,
        refusals=(*grants.READING, NothingToPoll),
        answer=examples.POLLED,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        poll_now(actor, found.pk, at=at)
        return Response(PollAsked(subscriptionId=str(found.pk), askedAt=utc(at)), 202)
