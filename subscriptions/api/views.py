"""Subscriptions: the views."""

from functools import wraps
from typing import Any, TypedDict

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Actor
from customers.selectors import customer_for
from partnerhub.api.etag import version_seen
from partnerhub.api.idempotency import Handler, idempotent
from partnerhub.api.pages import page_of
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import IF_MATCH, operation
from partnerhub.api.shapes import Collection, Guid, Utc, collection, guid, utc
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import NotFound
from subscriptions.api import gates, shapes
from subscriptions.api.attention import AttentionItem, attention_item
from subscriptions.api.changes import SubscriptionBody, apply_changes
from subscriptions.api.gates import BillingGates, TimelineEntry
from subscriptions.api.links import ActivationLink, activation_link
from subscriptions.api.shapes import Reader, SubscriptionProvisioning, SubscriptionShown
from subscriptions.enums import OperationAction
from subscriptions.models import Subscription
from subscriptions.selectors import (
    attention_of,
    attention_queue,
    operation_in_flight,
    subscription_for,
    subscriptions_visible_to,
    timeline_of,
)
from subscriptions.services.asking import poll_now

RETRY_SECONDS = 5
ASKED_OF_PUBLISHER = (OperationAction.CHANGE_QUANTITY, OperationAction.CHANGE_PLAN)
LIST_QUERY = {"order_id": "Only those of one order.", "mpn_id": "Only those with this reseller's PartnerID."}
PAGE_QUERY = {"size": "How many in a page: 1 to 500, 100 when absent.", "seekOperation": "`Next` with its token."}


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


def _led_on(handler: Handler) -> Handler:
    """Lead whoever is answered 202 to the operation that it waits for; a repeated request, too."""

    @wraps(handler)
    def led(*args: Any, **kwargs: Any) -> Response:
        response = handler(*args, **kwargs)
        if response.status_code == 202:
            response["Location"] = f"{settings.HUB_BASE_URL}/v1{response.data['links']['operation']['uri']}"
            response["Retry-After"] = str(RETRY_SECONDS)
        return response

    return led


class Subscriptions(Resource):
    @operation("listSubscriptions", "A customer's subscriptions", Collection[SubscriptionShown], query=LIST_QUERY)
    def get(self, request: Request, customer_id: str) -> Response:
        actor = caller(request)
        customer = customer_for(actor, guid(customer_id, "customer"))
        rows = subscriptions_visible_to(actor).filter(customer=customer)
        if order_id := request.query_params.get("order_id"):
            rows = rows.filter(order_line__order=guid(order_id, "order"))
        if partner_id := request.query_params.get("mpn_id"):
            rows = rows.filter(reseller=partner_id)
        reader = Reader.of(actor, now())
        shown = (shapes.subscription(found, reader) for found in rows.prefetch_related("tranches"))
        return Response(collection(shown, f"/customers/{customer.pk}/subscriptions"))


class SubscriptionById(Resource):
    @operation("getSubscription", "One subscription", SubscriptionShown)
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor = caller(request)
        found = subscription_of(actor, customer_id, subscription_id)
        return Response(shapes.subscription(found, Reader.of(actor, now())))

    @operation(
        "changeSubscription",
        "Change it, or end it",
        SubscriptionShown,
        body=SubscriptionBody,
        headers=(IF_MATCH,),
        accepted="Waits for the publisher: `Location` leads to the operation, the subscription is as it was.",
    )
    @_led_on
    @idempotent
    def patch(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        earlier = operation_in_flight(found)
        body = body_of(request)
        version = version_seen(request, body, found.pk)
        values = checked(SubscriptionBody(data=body, partial=True))
        changed = apply_changes(actor, found, values, version=version, at=at)
        shown = shapes.subscription(changed, Reader.of(actor, at))
        waiting = operation_in_flight(changed)
        # What waits for the publisher is not done yet (rule 91); an end is, whether the publisher knows or not.
        waits = waiting is not None and waiting != earlier and waiting.action in ASKED_OF_PUBLISHER
        return Response(shown, 202 if waits else 200)


class SubscriptionActivationLinks(Resource):
    @operation("mintLink", "A fresh link to the publisher", Collection[ActivationLink])
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor = caller(request)
        found = subscription_of(actor, customer_id, subscription_id)
        uri = f"/customers/{customer_id}/subscriptions/{subscription_id}/activationlinks"
        return Response(collection([activation_link(actor, found.order_line, now())], uri))


class Provisioning(Resource):
    @operation("getProvisioning", "Whether the publisher has fulfilled it", SubscriptionProvisioning)
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        return Response(shapes.provisioning(subscription_of(caller(request), customer_id, subscription_id)))


class Gates(Resource):
    @operation("getBillingGates", "What must hold before it is billed", BillingGates)
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        return Response(gates.billing_gates(subscription_of(caller(request), customer_id, subscription_id)))


class Timeline(Resource):
    @operation("listTimeline", "What happened to it, newest first", Collection[TimelineEntry])
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor = caller(request)
        found = subscription_of(actor, customer_id, subscription_id)
        shown = map(gates.timeline_entry, timeline_of(actor, found.pk))
        return Response(collection(shown, f"/customers/{customer_id}/subscriptions/{subscription_id}/timeline"))


class Poll(Resource):
    @operation("pollSubscription", "Ask the publisher now: a worker does within seconds", PollAsked, status=202)
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        poll_now(actor, found.pk, at=at)
        return Response(PollAsked(subscriptionId=str(found.pk), askedAt=utc(at)), 202)


class AttentionQueue(Resource):
    @operation("listAttention", "What somebody must act on, by deadline", Collection[AttentionItem], query=PAGE_QUERY)
    def get(self, request: Request) -> Response:
        queue = attention_queue(caller(request))
        page = page_of(queue, request, "/attention", key="activate_by")
        asked = [(found, attention_of(found)) for found in page.rows]
        shown = (attention_item(found, attention) for found, attention in asked if attention is not None)
        return Response(collection(shown, "/attention", total=queue.count(), following=page.following))
