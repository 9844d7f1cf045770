"""To whom a reminder is written: a name, an address, a language."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from accounts.models import User
from accounts.policy import GRANTS, Action, Role
from partnerhub.mail.services import is_address
from partnerhub.outbox.models import Event
from subscriptions.enums import Rung
from subscriptions.models import Subscription

# Publishers are told in the language of the API that they speak with us.
_PUBLISHERS_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Reader:
    """One addressee; `key` tells it from the others of the same rung."""

    key: str
    address: str
    name: str
    language: str
    may_cancel: bool = False


def readers_of(rung: Rung, subscription: Subscription) -> list[Reader]:
    """Who is reminded on a rung, each once; nobody without an address."""
    found = {reader.key: reader for reader in _asked(rung, subscription) if is_address(reader.address)}
    return list(found.values())


def buyer_of(subscription: Subscription) -> User | None:
    """The person who bought it; None when a program did, or when the person works here or sees the customer no more."""
    ordered = Event.objects.filter(stream_id=subscription.pk, name="subscription.ordered").first()
    if ordered is None or ordered.actor_kind != "user":
        return None
    try:
        buyer = User.objects.filter(pk=UUID(ordered.actor_id), is_active=True).first()
    except ValueError:
        return None
    return buyer if buyer and buyer.sees(subscription.customer_id) else None


def _asked(rung: Rung, subscription: Subscription) -> list[Reader]:
    match rung:
        case Rung.CUSTOMER:
            return [_customer(subscription)]
        case Rung.PUBLISHER:
            return [_publisher(subscription)]
        case Rung.AGENT:
            return _buyer(subscription) or _admins(subscription)
        case Rung.ADMIN:
            return _admins(subscription)
        case Rung.CANCEL_OFFER:
            return [*_buyer(subscription), *_admins(subscription)]


def _customer(subscription: Subscription) -> Reader:
    customer = subscription.customer
    known = customer.language if customer.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    return Reader("customer", customer.beneficiary_email, customer.beneficiary_name, known)


def _publisher(subscription: Subscription) -> Reader:
    publisher = subscription.publisher
    return Reader("publisher", publisher.contact_email, publisher.name, _PUBLISHERS_LANGUAGE)


def _buyer(subscription: Subscription) -> list[Reader]:
    buyer = buyer_of(subscription)
    return [_agent(buyer)] if buyer else []


def _admins(subscription: Subscription) -> list[Reader]:
    admins = User.objects.filter(is_active=True, roles_held__role=Role.ADMIN_AGENT).order_by("email")
    return [_agent(user) for user in admins if user.sees(subscription.customer_id)]


def _agent(user: User) -> Reader:
    held = user.roles_held.values_list("role", flat=True)
    may_cancel = any(Action.SUBSCRIPTION_CANCEL in GRANTS[Role(role)] for role in held)
    return Reader(str(user.pk), user.email, user.name, user.language or settings.HUB_MAIL_LANGUAGE, may_cancel)
