"""Template tags of the hub's own components: icons, status, money and times, each in the reader's language.

Registered as a builtin library, so templates need no {% load %}.
"""

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import cache, lru_cache
from html import escape
from typing import Any

import structlog
from django import template
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext, gettext_lazy, ngettext, pgettext
from lucide.templatetags.lucide import lucide as render_lucide

from partnerhub.clock import now
from partnerhub.money import Money, smallest_unit, symbol_of

register = template.Library()

NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"
_POLISH_NUMBER = {ord(","): NO_BREAK_SPACE, ord("."): ","}
SYMBOL_LEADS = {"€", "$", "£"}
SOON = timedelta(days=2)
FAR = timedelta(days=60)
TONE_ICONS = {
    "ok": "circle-check",
    "wait": "clock",
    "attention": "triangle-alert",
    "off": "circle-slash",
    "info": "info",
}
ROLE_NAMES = {
    "admin_agent": gettext_lazy("Admin agent"),
    "sales_agent": gettext_lazy("Sales agent"),
    "ops_agent": gettext_lazy("Operations agent"),
    "platform_admin": gettext_lazy("Platform admin"),
    "publisher": gettext_lazy("Publisher"),
    "customer": gettext_lazy("Customer"),
    "system": gettext_lazy("Partner Hub"),
}


@lru_cache(maxsize=256)
def _icon(name: str, css_class: str, label: str) -> SafeString:
    hidden: dict[str, object] = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return mark_safe(render_lucide(name, size=16, **{"class": css_class}, **hidden))  # noqa: S308 - a packaged SVG


@register.simple_tag
def icon(name: str, label: str = "", css_class: str = "icon") -> SafeString:
    """A Lucide icon as inline SVG; hidden from assistive technology unless it has a `label`.

    Raises lucide.IconDoesNotExist for an unknown name.
    """
    return _icon(str(name), str(css_class), str(label))


@lru_cache(maxsize=512)
def _status(tone: str, word: str, reason: str, icon: str) -> SafeString:
    context = {"tone": tone, "word": word, "reason": reason, "icon": icon}
    return render_to_string("components/status.html", context)


@register.simple_tag
def status_badge(tone: str, word: str, reason: str = "", icon: str = "") -> SafeString:
    """Status as icon + word + tone (ok, wait, attention, off, info), with an optional reason under it."""
    return _status(str(tone), str(word), str(reason), str(icon))


@register.simple_tag
def go_link(url: str, name: str, css_class: str = "button") -> SafeString:
    """Go to publisher's site, for one subscription. `nofollow` and no prefetch: opening it mints a link."""
    return go_link_in(get_language() or "en", url, name, css_class)


def go_link_in(language: str, url: str, name: str, css_class: str) -> SafeString:
    """As `go_link`, for rows of lists: the language is that of now."""
    label, note = _go_words(language)
    return SafeString(
        f'<a class="{css_class}" href="{escape(url)}" target="_blank" rel="noopener noreferrer nofollow">'
        f'{label}<span class="sr">: {escape(name)} {note}</span></a>'
    )


@cache
def _go_words(language: str) -> tuple[str, str]:
    return escape(gettext("Go to publisher's site")) + icon("external-link"), escape(gettext("(opens a new tab)"))


@register.filter
def tone_icon(tone: str) -> str:
    """The icon that goes with a tone, so that colour is never the only sign."""
    return TONE_ICONS.get(tone, "circle")


@register.filter
def role_name(role: str) -> str:
    """The name of a role code in the reader's language; an unknown code is shown as it is."""
    return str(ROLE_NAMES.get(str(role), role))


@register.filter
def quoted(words: str) -> str:
    """What somebody said, in the quotation marks of the reader's language: “so”, „tak”."""
    return gettext("“{text}”").format(text=words)


@register.filter
def under(path: str, prefix: str) -> bool:
    """Whether a request path lies under an address; `/` is only itself."""
    return path == prefix if prefix == "/" else str(path).startswith(prefix)


@register.filter
def money(amount: Money | Decimal | int | str | None, currency: str = "") -> SafeString:
    """An amount with its currency as the reader writes it: `€1,234.56`, `1 234,56 zł`; nothing for None.

    Takes a Money, or a number with the ISO 4217 code as argument. Digits are the currency's own.
    """
    if amount is None or amount == "":
        return SafeString("")
    if isinstance(amount, Money):
        return format_html('<span class="money">{}</span>', money_words(amount))
    return format_html('<span class="money">{}</span>', money_text(Decimal(amount), currency))


def money_text(amount: Decimal, currency: str) -> str:
    """The plain text behind the `money` filter, for sentences and buttons."""
    return money_text_in(get_language() or "en", amount, currency)


def money_text_in(language: str, amount: Decimal, currency: str) -> str:
    """As `money_text` in a language."""
    number = f"{abs(amount).quantize(smallest_unit(currency), ROUND_DOWN):,}"
    sign = MINUS if amount < 0 else ""
    symbol = symbol_of(currency)
    if language.startswith("pl"):
        return f"{sign}{number.translate(_POLISH_NUMBER)}{NO_BREAK_SPACE}{symbol}"
    if symbol in SYMBOL_LEADS:
        return f"{sign}{symbol}{number}"
    return f"{sign}{currency}{NO_BREAK_SPACE}{number}"


@register.filter
def money_words(amount: Money) -> str:
    """A Money as plain text, for a button or a sentence."""
    return money_text(amount.amount, amount.currency)


@register.filter
def day(value: date | datetime | None) -> SafeString:
    """A calendar day: `22 Nov 2026`, in Polish `22.11.2026`; nothing for None."""
    if value is None:
        return SafeString("")
    if isinstance(value, datetime):
        value = localtime(value).date()
    return day_in(get_language() or "en", value)


@lru_cache(maxsize=4096)
def day_in(language: str, value: date | None) -> SafeString:
    """As `day` in a language, of a day; nothing for None."""
    if value is None:
        return SafeString("")
    return SafeString(f'<time datetime="{value.isoformat()}">{_day_text(language, value)}</time>')


def day_text(value: date) -> str:
    """The plain text behind the `day` filter, for sentences."""
    return _day_text(get_language() or "en", value.date() if isinstance(value, datetime) else value)


@lru_cache(maxsize=4096)
def _day_text(language: str, value: date) -> str:
    return date_format(value, "j.m.Y" if language.startswith("pl") else "j M Y", use_l10n=False)


@register.filter
def absolute(moment: datetime) -> str:
    """A moment to the minute with its time zone: `22 Nov 2026, 14:30 UTC`, in Polish `22.11.2026, 14:30 UTC`."""
    here = localtime(moment)
    return f"{day_text(here)}, {here:%H:%M} {here.tzname()}"


def _future(minutes: int) -> str:
    if minutes < 60:
        return ngettext("in %(n)d minute", "in %(n)d minutes", minutes) % {"n": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("in %(n)d hour", "in %(n)d hours", hours) % {"n": hours}
    return ngettext("in %(n)d day", "in %(n)d days", hours // 24) % {"n": hours // 24}


def _past(minutes: int) -> str:
    if minutes < 60:
        return ngettext("%(n)d minute ago", "%(n)d minutes ago", minutes) % {"n": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(n)d hour ago", "%(n)d hours ago", hours) % {"n": hours}
    return ngettext("%(n)d day ago", "%(n)d days ago", hours // 24) % {"n": hours // 24}


def distance(away: timedelta) -> str:
    """How far away in words, rounded towards now: `in 3 days`, `5 minutes ago`, `now` within a minute.

    static/js/hub.js keeps the same thresholds with Intl.RelativeTimeFormat.
    """
    minutes = int(abs(away).total_seconds()) // 60
    return _distance(minutes if away >= timedelta(0) else -minutes, get_language() or "en")


@lru_cache(maxsize=4096)
def _distance(minutes: int, language: str) -> str:
    if minutes == 0:
        return pgettext("time", "now")
    return _past(-minutes) if minutes < 0 else _future(minutes)


def _time(kind: str, moment: datetime, tone: str, words: str) -> SafeString:
    told = absolute(moment)
    return SafeString(
        f'<time tabindex="0" data-when="{kind}" class="{tone}" datetime="{moment.isoformat()}" title="{told}"'
        f' data-absolute="{told}">{escape(words)}</time>'
    )


@register.filter
def deadline(moment: datetime | None) -> SafeString:
    """A due moment relative to now, `in 3 days` or `overdue, 2 hours ago`; past 60 days its date. Nothing for None."""
    if moment is None:
        return SafeString("")
    away = moment - now()
    if away > FAR:
        return day(moment)
    if away < timedelta(0):
        return _time("deadline", moment, "overdue", gettext("overdue, {when}").format(when=distance(away)))
    return _time("deadline", moment, "soon" if away < SOON else "", distance(away))


@register.filter
def ago(moment: datetime | None) -> SafeString:
    """A moment something happened, relative to now; beyond 60 days its date. Nothing for None."""
    if moment is None:
        return SafeString("")
    away = moment - now()
    return day(moment) if abs(away) > FAR else _time("moment", moment, "", distance(away))


@register.simple_tag
def server_time() -> str:
    """The hub's present moment in ISO 8601, from which the page's live deadlines are counted."""
    return now().isoformat()


@register.simple_tag
def request_id() -> str:
    """The id of the request being answered, for error messages; empty outside one."""
    context: dict[str, Any] = structlog.contextvars.get_contextvars()
    return str(context.get("request_id", ""))
