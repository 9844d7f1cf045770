"""The Change card of the subscription page: what stands, and the control that changes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.policy import Actor
from partnerhub.money import Money
from partnerhub.web.conflicts import snapshot
from partnerhub.web.templatetags.hub import day_text, money_words
from publishers.models import Pricing
from subscriptions import words
from subscriptions.enums import Control, Status
from subscriptions.forms import AutoRenewForm, QuantityForm
from subscriptions.models import Subscription
from subscriptions.views.controls import ControlView, Why, controls_of
from subscriptions.views.rows import licences
from subscriptions.views.scheduling import renewal_of
from subscriptions.views.seats import removable_words


@dataclass(frozen=True, slots=True)
class Button:
    """A control as a button: `sends` are the fields that it posts, empty where it only opens a form."""

    name: str
    label: str
    url: str
    why: Why | None
    asks: bool = False
    sends: tuple[tuple[str, str], ...] = ()
    is_final: bool = False
    in_dialog: bool = True


@dataclass(frozen=True, slots=True)
class CardRow:
    """One thing that can be changed."""

    title: str
    value: str
    note: str
    buttons: list[Button]


def edit_context(actor: Actor, subscription: Subscription, at: datetime) -> dict[str, Any]:
    """What the Change card shows of a subscription to one agent."""
    controls = controls_of(actor, subscription, at)
    plan = subscription.plan
    return {
        "is_open": subscription.status != Status.UNSUBSCRIBED,
        "role": actor.role,
        "asks": any(control.asks for control in controls.values()),
        "version": subscription.version,
        "is_flat": plan.pricing == Pricing.FLAT_RATE,
        "quantity": subscription.quantity,
        "quantity_words": licences(subscription.quantity),
        "quantity_base": snapshot(QuantityForm.values_of(subscription)),
        "quantity_control": controls[Control.INCREASE],
        "minimum": plan.min_quantity,
        "maximum": plan.max_quantity,
        "removable": removable_words(subscription, at) if plan.pricing == Pricing.PER_USER else "",
        "rename": controls[Control.RENAME],
        "rows": _rows(subscription, controls),
    }


def _rows(subscription: Subscription, controls: dict[str, ControlView]) -> list[CardRow]:
    reseller = subscription.reseller
    price = money_words(Money(subscription.unit_price, subscription.currency))
    per_seat = _("{price} per licence").format(price=price)
    return [
        CardRow(_("Auto-renew"), _renews(subscription), "", [_auto_renew(subscription, controls[Control.AUTO_RENEW])]),
        *_renewal_row(subscription, controls[Control.SCHEDULE]),
        CardRow(
            _("Plan"),
            subscription.plan.title,
            per_seat if subscription.plan.pricing == Pricing.PER_USER else price,
            [_opens(controls[Control.CHANGE_PLAN])],
        ),
        CardRow(
            _("Billing frequency"),
            str(words.CYCLE[subscription.plan_term.billing_cycle]).capitalize(),
            "",
            [_opens(controls[Control.BILLING_FREQUENCY])],
        ),
        CardRow(
            _("Indirect reseller PartnerID"),
            reseller.partner_id if reseller else _("None"),
            reseller.name if reseller else "",
            [_opens(controls[Control.CHANGE_RESELLER])],
        ),
        CardRow(_("Status"), str(words.STATUS[Status(subscription.status)]), "", _status(subscription, controls)),
    ]


def _renews(subscription: Subscription) -> str:
    if not subscription.auto_renew:
        return _("Off: it ends with its term.")
    if subscription.term_end is None:
        return _("On: it renews at the end of its term.")
    return _("On: it renews on {day}.").format(day=day_text(subscription.term_end))


def _auto_renew(subscription: Subscription, control: ControlView) -> Button:
    wanted = "off" if subscription.auto_renew else "on"
    label = _("Turn auto-renew off") if subscription.auto_renew else _("Turn auto-renew on")
    sends = (*_seen(subscription), ("base", snapshot(AutoRenewForm.values_of(subscription))), ("auto_renew", wanted))
    return Button(control.name, label, control.url, control.why, control.asks, sends)


def _renewal_row(subscription: Subscription, control: ControlView) -> list[CardRow]:
    renewal = renewal_of(subscription)
    if renewal is None:
        return []
    buttons = [_opens(control)]
    if renewal.remove_url and not control.asks and (control.why is None or control.why.code == "auto_renew_off"):
        buttons.append(
            Button("unschedule", _("Remove"), renewal.remove_url, None, sends=_seen(subscription), in_dialog=False)
        )
    return [CardRow(_("At renewal"), renewal.words, renewal.note, buttons)]


def _status(subscription: Subscription, controls: dict[str, ControlView]) -> list[Button]:
    suspended = subscription.status == Status.SUSPENDED
    control = controls[Control.REINSTATE if suspended else Control.SUSPEND]
    turn = Button(control.name, control.label, control.url, control.why, control.asks, _seen(subscription))
    return [turn, _opens(controls[Control.CANCEL], is_final=True)]


def _opens(control: ControlView, *, is_final: bool = False) -> Button:
    return Button(control.name, control.label, control.url, control.why, control.asks, is_final=is_final)


def _seen(subscription: Subscription) -> tuple[tuple[str, str], ...]:
    return (("version", str(subscription.version)),)
