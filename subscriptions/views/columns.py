"""The columns of a list of subscriptions: which there are, what their cells say, and how a list may be sorted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from partnerhub.money import Money
from partnerhub.web.templatetags.hub import ago, day, deadline, go_link, money_words, status_badge
from subscriptions import words
from subscriptions.models import Subscription
from subscriptions.sorts import NEWEST_FIRST, SORTS
from subscriptions.views.rows import Cell, Row

Fill = Callable[[Subscription, Row], SafeString]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `sort` names its order in SORTS, `css` is the class of its cells; `label` is lazy. `fill` makes the
    HTML of a cell.
    """

    name: str
    label: Any
    fill: Fill
    sort: str = ""
    usual: bool = False
    of_customer: bool = False
    css: str = ""

    @property
    def attributes(self) -> SafeString:
        """What every cell of it has."""
        css = SafeString(' class="number"') if self.css == "number" else ""
        return format_html(' data-label="{}"{}', self.label, css)


# Fifty rows of a dozen cells: HTML that is made here costs a quarter of what tags in a template's loop would.
def _text(text: str, note: str = "", when: str = "") -> SafeString:
    """A text, with a note and a day under it."""
    if not note and not when:
        return conditional_escape(text)
    return format_html('{}<span class="sub">{} {}</span>', text, note, when)


def _customer(subscription: Subscription, row: Row) -> SafeString:
    return format_html('<a href="{}">{}</a>', row.customer_url, row.customer)


def _publisher(subscription: Subscription, row: Row) -> SafeString:
    if not row.go_url:
        return _text(row.publisher)
    return format_html('{}<span class="sub">{}</span>', row.publisher, go_link(row.go_url, row.go_name, "out"))


def _status(subscription: Subscription, row: Row) -> SafeString:
    badge = status_badge(row.badge.tone, row.badge.word, row.badge.reason)
    if not row.owner:
        return badge
    due = format_html(" · {} {}", gettext("Due:"), deadline(row.due)) if row.due else ""
    owner = format_html("{} {} · {}{}", gettext("Owner:"), row.owner, ago(row.since), due)
    return format_html('{}<span class="reason">{}</span>', badge, owner)


def _since(subscription: Subscription, row: Row) -> SafeString:
    moment = (
        subscription.ended_at or subscription.suspended_at or subscription.activated_at or subscription.purchased_at
    )
    return ago(moment)


def _billing(subscription: Subscription, row: Row) -> SafeString:
    return _text(row.billing, row.billing_note, day(row.billed_from))


def _price(subscription: Subscription, row: Row) -> SafeString:
    price = money_words(Money(subscription.unit_price, subscription.currency))
    return _text(price, subscription.currency)


def _renewal(subscription: Subscription, row: Row) -> SafeString:
    return _text(format_html("{} {}", row.end_label, day(row.ends)), row.renewal)


def _reseller(subscription: Subscription, row: Row) -> SafeString:
    reseller = subscription.reseller
    return _text(reseller.name, reseller.partner_id) if reseller else _text("–")


# The offer leads every row and is no column to choose.
COLUMNS = {
    column.name: column
    for column in (
        Column(
            "customer",
            _("Customer"),
            _customer,
            sort="customer",
            usual=True,
            of_customer=True,
        ),
        Column(
            "publisher",
            _("Publisher"),
            _publisher,
            sort="publisher",
            usual=True,
        ),
        Column("plan", _("Plan"), lambda s, row: _text(row.plan), usual=True),
        Column(
            "quantity", _("Quantity"), lambda s, row: _text(row.quantity), sort="quantity", usual=True, css="number"
        ),
        Column("status", _("Status"), _status, usual=True, css="roomy"),
        Column("since", _("In this status since"), _since, sort="since"),
        Column("billing", _("Billing"), _billing, usual=True),
        Column(
            "renewal",
            _("Renewal or end"),
            _renewal,
            sort="renewal",
            usual=True,
        ),
        Column("auto_renew", _("Auto-renew"), lambda s, row: _text(str(_("On") if s.auto_renew else _("Off")))),
        Column("term", _("Term"), lambda s, row: _text(str(words.TERM[s.plan_term.term]))),
        Column("price", _("Price"), _price, css="number"),
        Column("purchased", _("Bought"), lambda s, row: _text(day(s.purchased_at)), sort="purchased"),
        Column("reseller", _("Indirect reseller"), _reseller),
        Column("order", _("Order"), lambda s, row: _text(s.order_line.order.number)),
        Column("country", _("Country"), lambda s, row: _text(s.customer.country), of_customer=True),
        Column("email", _("Beneficiary"), lambda s, row: _text(s.customer.beneficiary_email), of_customer=True),
        Column("id", _("Subscription ID"), lambda s, row: format_html("<code>{}</code>", s.pk)),
    )
}

# The heading of the offers: they stand over their nicknames, which is what agents look for.
NICKNAME = Column("offer", _("Offer, nickname"), lambda s, row: _text(row.offer, row.nickname), sort="nickname")

SORT_WORDS = {
    NEWEST_FIRST: _("Newest first"),
    "purchased": _("Oldest first"),
    "nickname": _("Nickname"),
    "customer": _("Customer"),
    "publisher": _("Publisher"),
    "-quantity": _("Most licences first"),
    "renewal": _("Term ends soonest"),
    "since": _("Longest in its status"),
}


def sort_named(asked: str) -> str:
    """The sort that a URL asks for; the newest first when there is none of that name."""
    return asked if asked.removeprefix("-") in SORTS else NEWEST_FIRST


def offered(of_one_customer: bool) -> list[Column]:
    """The columns that may be chosen; on the page of one customer none that says who the customer is."""
    return [column for column in COLUMNS.values() if not (of_one_customer and column.of_customer)]


def chosen(asked: Sequence[str], of_one_customer: bool) -> list[Column]:
    """The columns that a URL asks for, in its order: `a,b` or repeated; the usual ones when it names none."""
    names = dict.fromkeys(name for part in asked for name in part.split(","))
    may = {column.name: column for column in offered(of_one_customer)}
    return [may[name] for name in names if name in may] or [column for column in may.values() if column.usual]


def filled(row: Row, subscription: Subscription, columns: Sequence[tuple[Column, SafeString]]) -> Row:
    """The row with a cell for each column, which comes with its attributes."""
    cells = (Cell(attributes, column.fill(subscription, row)) for column, attributes in columns)
    return replace(row, cells=tuple(cells))
