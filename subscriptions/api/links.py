"""Activation links: minted fresh for every answer, kept nowhere."""

from datetime import datetime
from typing import TypedDict

from accounts.policy import Actor
from partnerhub.api.shapes import Link, link
from subscriptions.models import OrderLine
from subscriptions.services.links import mint_link


class ActivationLink(TypedDict):
    """`link` is personalised and secret: give it to the customer only. It lives 24 hours; ask again for another."""

    lineItemNumber: int
    link: Link


def activation_link(actor: Actor, line: OrderLine, at: datetime) -> ActivationLink:
    return ActivationLink(lineItemNumber=line.number, link=link(mint_link(actor, line.subscription.pk, at=at)))
