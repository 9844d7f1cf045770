"""Having the customer reminded by a program, as the button of the page does."""

from typing import Any, TypedDict

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Guid, Utc, utc
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import NothingToRemind, NotPermitted, RemindedAlready
from subscriptions.api.views import subscription_of
from subscriptions.services.reminding import AGAIN_AFTER, remind_now

EXAMPLE: dict[str, Any] = {
    "subscriptionId": "6e7aa601-629e-461b-8933-0898c3cc3c7c",
    "remindedAt": "2026-11-23T13:00:00Z",
    "againAt": "2026-11-24T13:00:00Z",
}


class Reminded(TypedDict):
    """`againAt` is the first moment at which the customer can be reminded by hand once more."""

    subscriptionId: Guid
    remindedAt: Utc
    againAt: Utc


class Remind(OwnResource):
    @operation(
        "remindCustomer",
        "Remind the customer now",
        Reminded,
        status=202,
        about=(
            "Sends the customer, by e-mail and in its language, a fresh link to the publisher. For a purchase that "
            "waits to be set up; once in 24 hours. The reminders that leave by themselves stay as they are."
        ),
        roles=who_can(Action.SUBSCRIPTION_REMIND),
        refusals=(NothingToRemind, RemindedAlready, NotPermitted),
        answer=EXAMPLE,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        remind_now(actor, found.pk, at=at)
        told = Reminded(subscriptionId=str(found.pk), remindedAt=utc(at), againAt=utc(at + AGAIN_AFTER))
        return Response(told, 202)
