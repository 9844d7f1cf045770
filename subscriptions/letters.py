"""The words of the mails about a purchase that waits."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from partnerhub.mail.letters import Letter, Link, one_line
from partnerhub.mail.services import LONGEST_SUBJECT
from partnerhub.web.templatetags.hub import absolute, day_text, money_words
from publishers.models import PlanTerm, Price, Pricing
from publishers.pricing import cycle_total
from subscriptions import words
from subscriptions.enums import GateState, Owner, Reason, Rung
from subscriptions.models import Gate, PurchaseToken, Subscription
from subscriptions.readers import Reader
from subscriptions.terms import midnight

Facts = tuple[tuple[str, str], ...]


def customer_letter(
    reader: Reader, subscription: Subscription, gate: Gate | None, link: str, token: PurchaseToken
) -> Letter:
    """Asks the customer to finish the set-up; `link` is the personalised one, `token` knows until when it works."""
    with translation.override(reader.language):
        offer, customer = subscription.offer.title, subscription.customer.name
        says = [_("The publisher says: {message}").format(message=gate.message)] if gate and gate.message else []
        return Letter(
            subject=_subject(_("{offer}: please finish the set-up").format(offer=offer)),
            greeting=_greeting(reader),
            paragraphs=(
                _(
                    "{offer} was ordered for {customer} on {day}. It has to be set up on the publisher's site first."
                ).format(offer=offer, customer=customer, day=_ordered_on(subscription)),
                *says,
                _("Please open the link below and finish the set-up. Billing starts only afterwards."),
                _("An order that is not set up becomes void on {moment}.").format(
                    moment=absolute(subscription.activate_by)
                ),
            ),
            facts=(*_what(subscription), (_("Publisher"), subscription.publisher.name)),
            link=Link(_("Go to publisher's site"), link),
            note=_(
                "The link is personal: treat it as a secret. It works until {until}; then ask us for a new one."
            ).format(until=absolute(token.expires_at)),
        )


def publisher_letter(reader: Reader, subscription: Subscription, *, opened: bool) -> Letter:
    """Asks the publisher to look after an order; says nothing of the customer."""
    with translation.override(reader.language):
        order, offer = subscription.order_line.order.number, subscription.offer.title
        where = (
            _("Your landing page has resolved the order, but it is not activated.")
            if opened
            else _("Nobody has come to your landing page with the order yet.")
        )
        return Letter(
            subject=_subject(_("Order {order}: {offer} is not confirmed yet").format(order=order, offer=offer)),
            greeting=_greeting(reader),
            paragraphs=(
                _("The order was placed on {day} and waits for your confirmation.").format(
                    day=_ordered_on(subscription)
                ),
                where,
                _("An order that is not set up becomes void on {moment}.").format(
                    moment=absolute(subscription.activate_by)
                ),
            ),
            facts=(
                (_("Order"), order),
                (_("Subscription ID"), str(subscription.pk)),
                (_("Offer"), offer),
                (_("Plan"), subscription.plan.title),
            ),
        )


def agent_letter(
    rung: Rung, reader: Reader, subscription: Subscription, gate: Gate | None, *, opened: bool, at: datetime
) -> Letter:
    """Tells an agent what waits for whom; from the last rung on, until when it can be cancelled free of charge."""
    with translation.override(reader.language):
        offering = rung == Rung.CANCEL_OFFER
        until = absolute(subscription.activate_by)
        subject = (
            _("{customer}: {offer} can still be cancelled free of charge")
            if offering
            else _("{customer}: {offer} waits")
        )
        end = (
            _("It can be cancelled free of charge until {until}. After that the order is void by itself.")
            if offering
            else _("Unless it is activated by {until}, the order is void.")
        )
        names = {"customer": subscription.customer.name, "offer": subscription.offer.title}
        return Letter(
            subject=_subject(subject.format(**names)),
            greeting=_greeting(reader),
            paragraphs=(
                _age(subscription, at),
                *_why(gate),
                *_opening(gate, opened=opened),
                end.format(until=until),
            ),
            facts=(
                (_("Customer"), names["customer"]),
                *_what(subscription),
                (_("Publisher"), subscription.publisher.name),
            ),
            link=_our_page(subscription, cancels=offering and reader.may_cancel),
        )


def renewal_letter(reader: Reader, subscription: Subscription, quantity: int, term: PlanTerm, price: Price) -> Letter:
    """Tells the customer what the next term begins with, when, and until when that can be changed."""
    begins_at = midnight(subscription.term_end)
    if begins_at is None:
        raise LookupError(f"subscription {subscription.pk} has no term")
    with translation.override(reader.language):
        names = {"offer": subscription.offer.title, "customer": subscription.customer.name}
        day = day_text(begins_at.date())
        return Letter(
            subject=_subject(_("{offer}: renews on {day}").format(offer=names["offer"], day=day)),
            greeting=_greeting(reader),
            paragraphs=(
                _("{offer} of {customer} renews by itself on {day}.").format(**names, day=day),
                _(
                    "If that is right, there is nothing to do. If the number of licences or the plan should be another "
                    "one, or if it should end, tell us before {moment}: until then it can be changed."
                ).format(moment=absolute(begins_at)),
            ),
            facts=(*_next_term(quantity, term, price), (_("Publisher"), subscription.publisher.name)),
            note=_("Prices are before tax, as they are known today."),
        )


def page_wish_letter(reader: Reader, subscription: Subscription, recipient: str) -> Letter:
    """Tells an agent that the page which a customer's contact was sent works no more, and that another is wanted."""
    with translation.override(reader.language):
        names = {"customer": subscription.customer.name, "offer": subscription.offer.title}
        return Letter(
            subject=_subject(_("{customer}: {offer}: another page is asked for").format(**names)),
            greeting=_greeting(reader),
            paragraphs=(
                _("The page sent to {recipient} works no more, and whoever has it asks for another one.").format(
                    recipient=recipient
                ),
                _("Send it from the subscription's page."),
            ),
            facts=((_("Customer"), names["customer"]), *_what(subscription)),
            link=Link(_("Open the subscription"), _at_home("subscriptions:detail", subscription)),
        )


def _next_term(quantity: int, term: PlanTerm, price: Price) -> Facts:
    licences = ngettext("%(n)d licence", "%(n)d licences", quantity) % {"n": quantity}
    per_seat = term.plan.pricing == Pricing.PER_USER
    total = cycle_total(term.plan, price.amount, quantity, price.currency)
    return (
        (_("Offer"), term.plan.offer.title),
        (_("Plan"), term.plan.title),
        *([(_("Quantity"), licences)] if per_seat else []),
        (_("Term"), str(words.TERM[term.term])),
        (_("Price"), f"{money_words(total)}, {words.CYCLE[term.billing_cycle]}"),
    )


def _subject(text: str) -> str:
    return one_line(text)[:LONGEST_SUBJECT]


def _greeting(reader: Reader) -> str:
    return _("Hello {name},").format(name=reader.name)


def _ordered_on(subscription: Subscription) -> str:
    return day_text(localtime(subscription.purchased_at).date())


def _what(subscription: Subscription) -> Facts:
    licences = ngettext("%(n)d licence", "%(n)d licences", subscription.quantity) % {"n": subscription.quantity}
    per_seat = subscription.plan.pricing == Pricing.PER_USER
    return (
        (_("Offer"), subscription.offer.title),
        (_("Plan"), subscription.plan.title),
        *([(_("Quantity"), licences)] if per_seat else []),
        (_("Order"), subscription.order_line.order.number),
    )


def _age(subscription: Subscription, at: datetime) -> str:
    days = (at - subscription.purchased_at).days
    sentence = ngettext(
        "%(offer)s was ordered for %(customer)s %(n)d day ago and is not active yet.",
        "%(offer)s was ordered for %(customer)s %(n)d days ago and is not active yet.",
        days,
    )
    return sentence % {"offer": subscription.offer.title, "customer": subscription.customer.name, "n": days}


def _why(gate: Gate | None) -> tuple[str, ...]:
    if gate is None:
        return ()
    owner = words.OWNER[Owner(gate.owner)]
    if gate.message:
        reason = _("The publisher says: {message}").format(message=gate.message)
    else:
        reason = str(words.REASON[Reason(gate.reason or Reason.AWAITING_CUSTOMER_SETUP)])
    return (_("{reason} Next: {owner}.").format(reason=reason, owner=owner),)


def _opening(gate: Gate | None, *, opened: bool) -> tuple[str, ...]:
    """Worth a sentence as long as the publisher has not refused."""
    if gate is None or gate.state != GateState.PENDING:
        return ()
    return (_("The publisher opened the order by its link.") if opened else _("Nobody has opened the link yet."),)


def _our_page(subscription: Subscription, *, cancels: bool) -> Link:
    if cancels:
        return Link(_("Cancel the subscription"), _at_home("subscriptions:cancel", subscription))
    return Link(_("Open the subscription"), _at_home("subscriptions:detail", subscription))


def _at_home(name: str, subscription: Subscription) -> str:
    return f"{settings.HUB_BASE_URL}{reverse(name, args=[subscription.pk])}"
