"""The words people read for the codes of publishers, and for how long and how often."""

from datetime import timedelta

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from partnerhub.web.templatetags.hub import absolute
from publishers.calls import DAY, HOUR, WEEK
from publishers.fulfillment.probing import Heard
from publishers.models import Adapter, CallKind
from publishers.services.selftest import Step, StepName, Verdict

ADAPTER = {
    Adapter.POLL: _("The hub asks the publisher"),
    Adapter.PUSH: _("The publisher calls the hub"),
    Adapter.BOTH: _("Licences are asked for, the set-up is called in"),
}
CALL_KIND = {
    CallKind.ASK: _("Questions"),
    CallKind.CHANGE: _("Changes"),
    CallKind.NOTICE: _("Notices"),
}
PERIOD = {HOUR: _("Last hour"), DAY: _("Last 24 hours"), WEEK: _("Last 7 days")}


def share_words(share: float | None) -> str:
    """A share as whole percents, one decimal where rounding would claim all or nothing; a dash for none."""
    if share is None:
        return "–"
    percent = share * 100
    is_close = 0 < percent < 1 or 99 < percent < 100
    return f"{number_format(percent if is_close else round(percent), decimal_pos=1 if is_close else 0)} %"


def milliseconds_words(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    return f"{number_format(milliseconds / 1000, decimal_pos=1)} s"


def duration_words(duration: timedelta) -> str:
    """How long, rounded up to the unit one would say: minutes, then hours, then days."""
    minutes = -(-int(duration.total_seconds()) // 60)
    if minutes < 90:
        return ngettext("%(n)d minute", "%(n)d minutes", max(minutes, 1)) % {"n": max(minutes, 1)}
    hours = -(-minutes // 60)
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = -(-hours // 24)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def adapter_words(adapter: str) -> str:
    return str(ADAPTER[Adapter(adapter)])


STEP = {
    StepName.ADDRESSES: _("Address"),
    StepName.CERTIFICATE: _("Certificate"),
    StepName.LANDING: _("Landing page"),
    StepName.STATUS: _("Fulfillment API"),
    StepName.WEBHOOK: _("Webhook, signed by the hub"),
    StepName.FORGERY: _("Webhook, forged signature"),
    StepName.SIGN_IN: _("Sign-in at the hub"),
}
VERDICT = {Verdict.PASSED: _("Passed"), Verdict.WARNING: _("Warning"), Verdict.FAILED: _("Failed")}
# What was found, and what to do about it where something is to be done.
FINDING = {
    "address_good": _("It may be called."),
    "address_refused": _("This hub may not call it: {problem}"),
    "not_encrypted": _("It is not encrypted: use https, or tokens can be read on the way."),
    "certificate_good": _("It is trusted and lasts {days} more days."),
    "certificate_ends_soon": _("It is trusted and ends in {days} days: renew it."),
    "certificate_not_trusted": _(
        "It is not trusted. Serve a certificate for this host name, with its intermediate ones, of a known authority."
    ),
    "no_tls": _("No encrypted connection comes about. Check that the address speaks TLS 1.2 or newer."),
    "silent": _("No answer within 8 seconds. Check firewalls, and whether the system is up."),
    "not_public": _("Its address is not public, so this hub does not call it."),
    "name_unknown": _("The host name is not known. Check its spelling and its DNS entry."),
    "refuses_connections": _("Nobody accepts connections there. Check host and port, and whether the system is up."),
    "not_an_address": _("This is not an address that can be called."),
    "not_http": _("What came back is not HTTP. Check the port."),
    "hangs_up": _("The connection was closed without an answer."),
    "fails": _("Its system answers with an error. Its log knows more."),
    "redirects": _("It redirects elsewhere, and the hub does not follow with its token: register the final address."),
    "nothing_there": _("Nothing is at this address. Check its path."),
    "landing_opens": _("It opens."),
    "landing_redirects": _("It sends visitors on, as to a sign-in. The token must survive that."),
    "landing_wants_token": _("It is there and asks for a token."),
    "status_good": _("It lets the hub in and does not know a subscription that does not exist."),
    "status_is_a_page": _(
        "It answers with a page, not as an API does: check what comes before /api/saas/subscriptions in the address."
    ),
    "status_knows_too_much": _(
        "It claims to know a subscription that does not exist: the hub could not trust its word."
    ),
    "status_unusual": _("404 is expected for a subscription that does not exist."),
    "token_refused": _(
        "It refuses the hub's token. It must accept the audience {app} and the tenant {tenant}, and verify the "
        "signature with the keys at {keys}."
    ),
    "webhook_accepts": _("It accepts the hub's test event."),
    "webhook_declines": _(
        "It declines the test event. That is fine when it looks up the subscription, which does not exist: "
        "its log knows."
    ),
    "forgery_refused": _("It refuses an event that somebody else has signed."),
    "forgery_accepted": _("It accepts an event that somebody else has signed: anybody could change its subscriptions."),
    "forgery_unclear": _("Whether it verifies signatures cannot be told from its answer."),
    "no_valid_secret": _("It has no valid secret: make one."),
    "never_signed_in": _(
        "It has not signed in yet, as far as is known. It does so when a customer opens its landing page."
    ),
    "signed_in_long_ago": _("It signed in last on {at}."),
    "signed_in": _("It signed in last on {at}."),
}


def finding_words(step: Step) -> str:
    """What a step found, in the reader's language."""
    values = {name: absolute(value) if name == "at" else value for name, value in (step.values or {}).items()}
    return str(FINDING[step.finding]).format(**values)


def heard_words(heard: Heard | None) -> str:
    """What came back, as it stands: status, time, and the beginning of the text."""
    if heard is None or heard.status is None:
        return ""
    said = f"{heard.status} · {milliseconds_words(heard.milliseconds)}"
    return f"{said} · {heard.text}" if heard.text else said
