"""The mail that brings a customer's contact its page: its template, the placeholders in it, and its words."""

import re
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from partnerhub.errors import InvalidInput, PlaceholderUnknown
from partnerhub.mail.letters import Letter, Link, one_line
from partnerhub.mail.services import LONGEST_SUBJECT
from partnerhub.web.templatetags.hub import absolute
from publishers.models import Pricing
from subscriptions.models import LetterTemplate, Subscription

PLACEHOLDERS = ("contact", "customer", "offer", "plan", "quantity", "publisher", "order", "until", "agent")
LONGEST_BODY = 5000
_PLACEHOLDER = re.compile(r"\{([^{}\n]{0,60})\}")
_BREAK = re.compile(r"\n\s*\n")


def known_language(language: str) -> str:
    """A customer's language where the hub speaks it, or the hub's own."""
    return language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def template_in(language: str) -> LetterTemplate:
    """The template of a language: what somebody wrote, or the hub's own words (version 0, not saved)."""
    written = LetterTemplate.objects.filter(pk=language).first()
    return written or _own_words(language)


def _own_words(language: str) -> LetterTemplate:
    with translation.override(language):
        paragraphs = (
            _("Hello {contact},"),
            _("{offer} was ordered for {customer}. {publisher} needs something from you before it can be set up."),
            _("Please open the page below: it says what is asked for and leads to the publisher's site."),
            _("Billing starts only when the set-up is finished."),
            _("Kind regards, {agent}"),
        )
        subject = _("{offer}: please finish the set-up")
    return LetterTemplate(pk=language, subject=subject, body="\n\n".join(paragraphs), version=0)


def check_template(subject: str, body: str) -> None:
    """Raise InvalidInput for a text that is empty, too long or unprintable, PlaceholderUnknown for what nobody fills
    in. Each names its field.
    """
    for field, text, longest in (("subject", subject, LONGEST_SUBJECT), ("body", body, LONGEST_BODY)):
        if not 1 <= len(text.strip()) <= longest:
            problem = f"{len(text.strip())} characters, allowed are 1 to {longest}"
            raise InvalidInput(field=field, problem=problem)
        if not all(character.isprintable() or (character == "\n" and field == "body") for character in text):
            raise InvalidInput(field=field, problem="it contains a control character")
        unknown = next((name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS), None)
        if unknown is not None:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise PlaceholderUnknown(field=field, placeholder=unknown, known=known)


def page_values(
    subscription: Subscription, *, recipient: str, language: str, agent: str, until: datetime
) -> dict[str, str]:
    """What the placeholders stand for in one letter, in its language."""
    customer = subscription.customer
    is_contact = recipient.lower() == customer.beneficiary_email.lower()
    with translation.override(language):
        quantity = _("Flat rate")
        if subscription.plan.pricing == Pricing.PER_USER:
            count = subscription.quantity
            quantity = ngettext("%(n)d licence", "%(n)d licences", count) % {"n": count}
        return {
            "contact": customer.beneficiary_name if is_contact else customer.name,
            "customer": customer.name,
            "offer": subscription.offer.title,
            "plan": subscription.plan.title,
            "quantity": quantity,
            "publisher": subscription.publisher.name,
            "order": subscription.order_line.order.number,
            "until": absolute(until),
            "agent": agent,
        }


def page_letter(subject: str, body: str, values: Mapping[str, str], *, language: str, url: str) -> Letter:
    """A template that was checked, filled in; the way to the page is always below it."""
    first, *rest = [" ".join(part.split()) for part in _BREAK.split(_filled(body, values).strip())]
    with translation.override(language):
        return Letter(
            subject=one_line(_filled(subject, values))[:LONGEST_SUBJECT],
            greeting=first,
            paragraphs=tuple(rest),
            facts=(
                (_("Offer"), values["offer"]),
                (_("Plan"), values["plan"]),
                (_("Quantity"), values["quantity"]),
                (_("Order"), values["order"]),
                (_("Publisher"), values["publisher"]),
            ),
            link=Link(_("Open the page of your order"), url),
            note=_(
                "The page is for you alone: treat its address as a secret. It works until {until}, "
                "or until the set-up is finished."
            ).format(until=values["until"]),
        )


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Placeholders replaced at once, so that braces in a value are never read as another one."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
