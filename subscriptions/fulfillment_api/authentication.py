"""Which publisher is calling: the one whose app in its tenant the token was issued to."""

from datetime import datetime

from django.http import HttpRequest

from accounts.policy import Actor
from accounts.tokens import MARKETPLACE_AUDIENCES, Mismatch, TokenRefused, verify
from publishers.models import Publisher
from subscriptions.fulfillment_api.errors import BadCredential, NoCredential


def publisher_calling(request: HttpRequest, at: datetime) -> Actor:
    """The actor of the calling publisher's app.

    Raises NoCredential (401) when nothing was shown, BadCredential (403) naming what did not match otherwise.
    """
    credential = request.headers.get("authorization", "")
    if not credential:
        raise NoCredential
    scheme, _, token = credential.partition(" ")
    if scheme.lower() != "bearer":
        raise BadCredential(Mismatch.FORM, "The authorization header must hold a bearer token.")
    try:
        client = verify(token.strip(), audiences=MARKETPLACE_AUDIENCES, at=at).client
    except TokenRefused as refused:
        raise BadCredential(refused.mismatch, str(refused)) from None
    if not Publisher.objects.filter(client=client).exists():
        raise BadCredential("publisher", f"The token's app '{client.id}' belongs to no publisher.")
    return client.actor()
