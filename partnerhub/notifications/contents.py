"""What is said outside of the hub: one content for every way, and how each way wants it written."""

from collections.abc import Sequence
from typing import Any, TypedDict

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from partnerhub.mail.letters import Letter, Link, one_line
from partnerhub.mail.services import LONGEST_SUBJECT
from partnerhub.notifications.enums import How, Kind
from partnerhub.notifications.models import Notification
from partnerhub.notifications.words import sentence

# Of a storm of causes this many are named; the page in the hub has them all.
MOST_LINES = 20


class Line(TypedDict):
    """One thing: its topic (empty for a test), its sentence, and where it is looked at."""

    topic: str
    text: str
    url: str


class Content(TypedDict):
    """A title, the first lines, how many things there are, and the page that has them all."""

    title: str
    lines: list[Line]
    total: int
    url: str


def content_of(notifications: Sequence[Notification], language: str) -> Content:
    """What is said of some notifications in one go, in a language."""
    with translation.override(language):
        lines = [_line(one) for one in notifications[:MOST_LINES]]
        return Content(title=_title(notifications, lines), lines=lines, total=len(notifications), url=page_url())


def test_content(language: str) -> Content:
    """What a test says."""
    with translation.override(language):
        text = _("This is a test. What you chose to be told of arrives here.")
        line = Line(topic="", text=text, url=page_url())
        return Content(title=_("Partner Hub: a test"), lines=[line], total=1, url=page_url())


def page_url() -> str:
    return f"{settings.HUB_BASE_URL}{reverse('notifications:list')}"


def target_url(notification: Notification) -> str:
    """Where what a notification tells of is looked at and acted on, on this hub."""
    if notification.subscription_id is not None:
        return reverse("subscriptions:detail", args=[notification.subscription_id])
    if notification.publisher_id is not None:
        return reverse("publisher-health", args=[notification.publisher_id])
    return reverse("notifications:list")


def letter_of(content: Content, name: str, language: str) -> Letter:
    """The mail."""
    with translation.override(language):
        more = _more(content)
        return Letter(
            subject=one_line(content["title"])[:LONGEST_SUBJECT],
            greeting=_("Hello {name},").format(name=name),
            paragraphs=(*(line["text"] for line in content["lines"]), *([more] if more else [])),
            link=Link(_("Open the hub"), content["lines"][0]["url"] if content["total"] == 1 else content["url"]),
            note=_("You chose what you are told of, and how, under “Notification settings” in the hub."),
        )


def body_for(kind: Kind, content: Content) -> dict[str, Any]:
    """The JSON that a channel is sent."""
    match kind:
        case Kind.SLACK:
            return {"text": f"*{_slack(content['title'])}*\n{_slack_lines(content)}"}
        case Kind.TEAMS:
            return _card(content)
    return dict(content)


def plain_text(content: Content) -> str:
    """The lines with their addresses, for services that take text."""
    return "\n".join(f"{line['text']} {line['url']}" for line in content["lines"])


def _title(notifications: Sequence[Notification], lines: Sequence[Line]) -> str:
    if len(notifications) == 1:
        return lines[0]["text"]
    count = len(notifications)
    if all(one.how == How.DIGEST for one in notifications):
        return ngettext("Daily digest: %(n)d thing", "Daily digest: %(n)d things", count) % {"n": count}
    return ngettext("%(n)d thing to look at", "%(n)d things to look at", count) % {"n": count}


def _line(one: Notification) -> Line:
    text = one_line(sentence(one.topic, one.facts))
    return Line(topic=one.topic, text=text, url=f"{settings.HUB_BASE_URL}{target_url(one)}")


def _more(content: Content) -> str:
    more = content["total"] - len(content["lines"])
    return ngettext("and %(n)d more", "and %(n)d more", more) % {"n": more} if more else ""


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_lines(content: Content) -> str:
    return "\n".join(f"• <{line['url']}|{_slack(line['text']).replace('|', '¦')}>" for line in content["lines"])


def _card(content: Content) -> dict[str, Any]:
    title = {"type": "TextBlock", "text": _plain(content["title"]), "weight": "Bolder", "wrap": True}
    lines = [
        {"type": "TextBlock", "text": f"[{_plain(line['text'])}]({line['url']})", "wrap": True}
        for line in content["lines"]
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *lines],
        "actions": [{"type": "Action.OpenUrl", "title": "Partner Hub", "url": content["url"]}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def _plain(text: str) -> str:
    """Text of others must not become markup of a card."""
    return "".join(f"\\{character}" if character in "\\[]()*_`#" else character for character in text)
