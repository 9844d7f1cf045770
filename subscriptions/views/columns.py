"""The columns of a list of subscriptions: which there are, what their cells say, and how a list may be sorted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from partnerhub.money import Money
from partnerhub.web.templatetags.hub import ago, day, day_in, deadline, go_link_in, icon, money_words, status_badge
from partnerhub.web.wording import Voice
from subscriptions import words
from subscriptions.models import Subscription
from subscriptions.sorts import NEWEST_FIRST, SORTS
from subscriptions.views.rows import Row

Fill = Callable[[Subscription, Row, Voice], str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `sort` names its order in SORTS, `css` is the class of its cells; `label` is lazy. `fill` makes the
    HTML of a cell, out of what every row is told and what is `related`.
    """

    name: str
    label: Any
    fill: Fill
    sort: str = ""
    usual: bool = False
    of_customer: bool = False
    css: str = ""
    related: str = ""

    @property
    def opening(self) -> str:
        """The HTML before what each of its cells says."""
        css = ' class="number"' if self.css == "number" else ""
        return f'<td data-label="{escape(str(self.label))}"{css}><div>'


# Fifty rows of a dozen cells: HTML that is made here costs a quarter of what tags in a template's loop would. Whatever
# comes from outside is escaped in these functions and nowhere else.
def _told(text: str, note: str = "", when: str = "") -> str:
    """Escaped text, with a note and a day under it."""
    return f'{text}<span class="sub">{note} {when}</span>' if note or when else text


def _customer(subscription: Subscription, row: Row, _: Voice) -> str:
    return f'<a href="{row.customer_url}">{escape(row.customer)}</a>'


def _publisher(subscription: Subscription, row: Row, _: Voice) -> str:
    name = escape(row.publisher)
    return (
        f'{name}<span class="sub">{go_link_in(_.language, row.go_url, row.go_name, "out")}</span>'
        if row.go_url
        else name
    )


def _status(subscription: Subscription, row: Row, _: Voice) -> str:
    badge = status_badge(row.badge.tone, row.badge.word, row.badge.reason)
    if not row.owner:
        return badge
    due = f" · {escape(_('Due:'))} {deadline(row.due)}" if row.due else ""
    owner = f"{escape(_('Owner:'))} {escape(row.owner)} · {ago(row.since)}{due}"
    return f'{badge}<span class="reason">{owner}</span>'


def _since(subscription: Subscription, row: Row, _: Voice) -> str:
    moment = (
        subscription.ended_at or subscription.suspended_at or subscription.activated_at or subscription.purchased_at
    )
    return ago(moment)


def _billing(subscription: Subscription, row: Row, _: Voice) -> str:
    return _told(escape(row.billing), escape(row.billing_note), day_in(_.language, row.billed_from))


def _price(subscription: Subscription, row: Row, _: Voice) -> str:
    price = money_words(Money(subscription.unit_price, subscription.currency))
    return _told(escape(price), escape(subscription.currency))


def _renewal(subscription: Subscription, row: Row, _: Voice) -> str:
    return _told(f"{escape(row.end_label)} {day_in(_.language, row.ends)}", escape(row.renewal))


def _auto_renew(subscription: Subscription, row: Row, _: Voice) -> str:
    return escape(_("On") if subscription.auto_renew else _("Off"))


def _reseller(subscription: Subscription, row: Row, _: Voice) -> str:
    reseller = subscription.reseller
    return _told(escape(reseller.name), escape(reseller.partner_id)) if reseller else "–"


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
        Column("plan", _("Plan"), lambda s, row, _: escape(row.plan), usual=True),
        Column(
            "quantity", _("Quantity"), lambda s, row, _: escape(row.quantity), sort="quantity", usual=True, css="number"
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
        Column("auto_renew", _("Auto-renew"), _auto_renew),
        Column("term", _("Term"), lambda s, row, say: escape(say.of(words.TERM, s.plan_term.term))),
        Column("price", _("Price"), _price, css="number"),
        Column("purchased", _("Bought"), lambda s, row, _: day(s.purchased_at), sort="purchased"),
        Column("reseller", _("Indirect reseller"), _reseller, related="reseller"),
        Column("order", _("Order"), lambda s, row, _: escape(s.order_line.order.number), related="order_line__order"),
        Column("country", _("Country"), lambda s, row, _: escape(s.customer.country), of_customer=True),
        Column("email", _("Beneficiary"), lambda s, row, _: escape(s.customer.beneficiary_email), of_customer=True),
        Column("id", _("Subscription ID"), lambda s, row, _: f"<code>{s.pk}</code>"),
    )
}

# The heading of the offers: they stand over their nicknames, which is what agents look for.
NICKNAME = Column("offer", _("Offer, nickname"), lambda s, row, _: _offer(row), sort="nickname")

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


def sort_named(asked: str, *, usual: str = NEWEST_FIRST) -> str:
    """The sort that a URL asks for; the usual one when there is none of that name."""
    return asked if asked.removeprefix("-") in SORTS else usual


def offered(of_one_customer: bool) -> list[Column]:
    """The columns that may be chosen; on the page of one customer none that says who the customer is."""
    return [column for column in COLUMNS.values() if not (of_one_customer and column.of_customer)]


def chosen(asked: Sequence[str], of_one_customer: bool) -> list[Column]:
    """The columns that a URL asks for, in its order: `a,b` or repeated; the usual ones when it names none."""
    names = dict.fromkeys(name for part in asked for name in part.split(","))
    may = {column.name: column for column in offered(of_one_customer)}
    return [may[name] for name in names if name in may] or [column for column in may.values() if column.usual]


def filled(row: Row, subscription: Subscription, columns: Sequence[tuple[Column, str]], say: Voice) -> Row:
    """The row with the HTML of its cells and its own, which offers it for a bulk change and for a look; each column
    comes with its `opening`.
    """
    row.cells = tuple([column.fill(subscription, row, say) for column, _opening in columns])
    written = [f"{opening}{cell}</div></td>" for (_column, opening), cell in zip(columns, row.cells, strict=True)]
    row.html = SafeString(_table_row(row, "\n        ".join(written)))
    return row


def _table_row(row: Row, cells: str) -> str:
    return (
        f'<tr data-row="{row.id}">\n'
        f'        <td class="pick"><div><input type="checkbox" name="ids" value="{row.id}"'
        f' aria-label="{escape(row.select_words)}"><button class="copy" type="button" hx-get="{row.peek_url}"'
        f' hx-target="#hub-dialog" data-peek data-needs-js hidden aria-label="{escape(row.peek_words)}">'
        f"{icon('panel-right-open')}</button></div></td>\n"
        f'        <th scope="row"><div>{_offer(row)}</div></th>\n        {cells}\n      </tr>'
    )


def _offer(row: Row) -> str:
    nickname = f'<span class="sub">{escape(row.nickname)}</span>' if row.nickname else ""
    return f'<a class="row-link" href="{row.url}">{escape(row.offer)}</a>{nickname}'
