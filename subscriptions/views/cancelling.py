"""What cancelling does to a subscription, in words."""

from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from partnerhub.web.templatetags.hub import absolute, day_text
from subscriptions.cancellation import MULTI_YEAR, CancelTerms, How
from subscriptions.models import Subscription


def effect_of(subscription: Subscription, terms: CancelTerms) -> str:
    """On what terms it is cancelled, or why it is not and what to do instead."""
    if terms.how == How.BEFORE_ACTIVATION:
        return _("It has not been activated: nothing was charged, and nothing ever will be.")
    if terms.how == How.ENDED:
        return _("It ended on {day}.").format(day=absolute(subscription.ended_at) if subscription.ended_at else "")
    if terms.until and terms.how == How.IN_TRIAL:
        return _(
            "It is in its free trial: until {until} cancelling costs nothing. The customer loses access at once."
        ).format(until=absolute(terms.until))
    if terms.until:
        return _("Until {until} everything charged is refunded. The customer loses access at once.").format(
            until=absolute(terms.until)
        )
    return f"{_closed(terms)} {_instead(subscription, terms)}"


def _closed(terms: CancelTerms) -> str:
    until = absolute(terms.window_ends) if terms.window_ends else ""
    return _("The cancellation window closed on {until}.").format(until=until)


def _instead(subscription: Subscription, terms: CancelTerms) -> str:
    if terms.how == How.BY_AGREEMENT:
        publisher = subscription.publisher.name
        return _("It is cancelled when {publisher} agrees; the customer then loses access at once.").format(
            publisher=publisher
        )
    ends_on = day_text(subscription.term_end - timedelta(days=1)) if subscription.term_end else ""
    locked = _locked(subscription) if terms.how == How.LOCKED else ""
    if subscription.auto_renew:
        ending = _("Turn auto-renew off: it then ends on {day}.").format(day=ends_on)
    else:
        ending = _("Auto-renew is off: it ends on {day}.").format(day=ends_on)
    return f"{locked} {ending}".strip()


def _locked(subscription: Subscription) -> str:
    years = MULTI_YEAR[subscription.plan_term.term]
    return ngettext(
        "A plan of %(years)d year with payments due is locked until its term ends.",
        "A plan of %(years)d years with payments due is locked until its term ends.",
        years,
    ) % {"years": years}
