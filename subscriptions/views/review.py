"""A cart in words: what is bought, for how much, and under which commitment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.models import Customer
from partnerhub.errors import HubError, PriceMoved
from partnerhub.money import Money
from partnerhub.web.refusals import sentence_of
from partnerhub.web.templatetags.hub import money_words
from publishers.models import Pricing
from publishers.pricing import cycle_total, first_charge
from publishers.selectors import item_for_purchase, policy_duration
from subscriptions import words
from subscriptions.models import Cart, CartLine
from subscriptions.quantities import check_quantity
from subscriptions.services.carts import LineRequest, check_once_per_customer
from subscriptions.views.rows import licences, term_words


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One line as the buyer should understand it; `problem` says why it cannot be ordered as it stands."""

    number: int
    offer: str
    plan: str
    publisher: str
    quantity: str
    term: str
    unit_price: str
    each_cycle: str
    first_charge: Money
    trial: str
    nickname: str
    reseller: str
    renewal: str
    cancellation: str
    problem: str


def review_of(cart: Cart, at: datetime) -> dict[str, Any]:
    """The lines of a cart, the total of their first charges, the role to attest, and what stands in the way."""
    lines = list(cart.lines.all())
    rows = [_line(cart.customer, line, at) for line in lines]
    total = Money(sum((row.first_charge.amount for row in rows), start=Decimal(0)), cart.customer.currency)
    return {
        "cart": cart,
        "lines": rows,
        "total": total,
        "role": "indirect" if any(line.reseller for line in lines) else "direct",
        "has_problems": any(row.problem for row in rows),
        "is_expired": at >= cart.expires_at,
    }


def line_request(line: CartLine) -> LineRequest:
    """The line as it was asked for, to put it into a cart again."""
    return LineRequest(
        catalog_item_id=line.plan_term.catalog_item_id,
        quantity=line.quantity,
        nickname=line.nickname,
        partner_id=line.reseller_id or "",
        auto_renew=line.auto_renew,
        order_group=line.order_group,
    )


def _line(customer: Customer, line: CartLine, at: datetime) -> ReviewLine:
    plan, price = line.plan_term.plan, line.price
    per_seat = plan.pricing == Pricing.PER_USER
    amount = money_words(Money(price.amount, price.currency))
    total = cycle_total(plan, price.amount, line.quantity, price.currency)
    trial = _("{days} days free trial").format(days=plan.trial_days) if plan.trial_days else ""
    return ReviewLine(
        number=line.number,
        offer=plan.offer.title,
        plan=plan.title,
        publisher=plan.offer.publisher.name,
        quantity=licences(line.quantity) if per_seat else _("Flat rate"),
        term=term_words(line.plan_term),
        unit_price=_("{amount} per licence").format(amount=amount) if per_seat else amount,
        each_cycle=f"{money_words(total)} {words.PER_CYCLE[line.plan_term.billing_cycle]}",
        first_charge=first_charge(plan, price.amount, line.quantity, price.currency),
        trial=trial,
        nickname=line.nickname,
        reseller=str(line.reseller or ""),
        renewal=_("Renews automatically") if line.auto_renew else _("Does not renew"),
        cancellation=_window(policy_duration("cancel_within", plan, at, line.plan_term.term)),
        problem=_problem(customer, line, at),
    )


def _window(window: timedelta) -> str:
    hours = int(window.total_seconds() // 3600)
    words_for = ngettext("%(n)d hour after this order", "%(n)d hours after this order", hours) % {"n": hours}
    return _("Can be cancelled with a full refund within {window}.").format(window=words_for)


def _problem(customer: Customer, line: CartLine, at: datetime) -> str:
    """What checkout would refuse now. The sentence kept with the line is in no reader's language: it is asked again."""
    offer = line.plan_term.plan.offer
    try:
        _term, price = item_for_purchase(line.plan_term.catalog_item_id, customer.country, customer.currency, at)
        if price.amount != line.price.amount:
            shown, current = (money_words(Money(row.amount, row.currency)) for row in (line.price, price))
            raise PriceMoved(offer=offer.title, shown=shown, current=current)
        check_quantity(line.plan_term.plan, line.quantity)
        check_once_per_customer(customer, offer)
    except HubError as refusal:
        return sentence_of(refusal)
    return ""
