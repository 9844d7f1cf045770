"""The next step of an item, as a button that takes it or leads to where it is taken."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.policy import Action, Actor
from subscriptions.enums import NextAction, Remedy
from subscriptions.models import AttentionItem, Subscription
from subscriptions.views.permission import Denial, denial_of
from subscriptions.words import REMEDY


@dataclass(frozen=True, slots=True)
class Step:
    """`kind` is `post` (it is done at once), `open` (a page of ours), `go` (mints a link) or `away` (another site)."""

    kind: str
    label: str
    url: str
    denied: Denial | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What decides about the steps of a page of items: who looks, and which subscriptions are polled."""

    actor: Actor
    polled: frozenset[UUID]


def known_of(actor: Actor, subscriptions: Iterable[Subscription]) -> Known:
    """Which of these, each with its `poll_schedule`, can be asked about."""
    schedules = [getattr(one, "poll_schedule", None) for one in subscriptions]
    return Known(actor, frozenset(one.subscription_id for one in schedules if one and one.next_poll_at))


def step_of(item: AttentionItem, known: Known) -> Step:
    """The button of an item; one that the actor's role may not press says so, and who may."""
    return _STEPS[item.remedy](item, known)


def _post(
    name: str, action: Action, *, about: Callable[[AttentionItem], list[str]] | None = None
) -> Callable[[AttentionItem, Known], Step]:
    """Done at once, at the address `name`; its arguments are the subscription, or what `about` says."""

    def step(item: AttentionItem, known: Known) -> Step:
        url = reverse(name, args=about(item) if about else [item.subscription_id])
        return Step("post", _label(item), url, denial_of(known.actor, action))

    return step


def _open(name: str, anchor: str = "", *, needs: Action | None = None) -> Callable[[AttentionItem, Known], Step]:
    def step(item: AttentionItem, known: Known) -> Step:
        url = reverse(name, args=[item.subscription_id or item.publisher_id])
        return Step("open", _label(item), f"{url}{anchor}", denial_of(known.actor, needs) if needs else None)

    return step


def _label(item: AttentionItem) -> str:
    return next((str(word) for remedy, word in REMEDY.items() if remedy == item.remedy), _("Open"))


def _go(item: AttentionItem, known: Known) -> Step:
    denied = denial_of(known.actor, Action.PUBLISHER_LINK_OPEN)
    return Step("go", _label(item), reverse("go", args=[item.subscription_id]), denied)


def _answer(item: AttentionItem, known: Known) -> Step:
    if item.action_url.startswith(("https://", "http://")):
        return Step("away", _label(item), item.action_url)
    return _go(item, known)


def _ask(item: AttentionItem, known: Known) -> Step:
    if item.subscription_id in known.polled:
        return _post("subscriptions:ask", Action.SUBSCRIPTION_POLL)(item, known)
    url = reverse("subscriptions:detail", args=[item.subscription_id])
    return Step("open", _("Look at it"), url)


def _decide_request(item: AttentionItem, known: Known) -> Step:
    return Step("open", _label(item), reverse("requests:detail", args=[item.subject_id]))


def _reinstate(item: AttentionItem, known: Known) -> Step:
    url = reverse("subscriptions:change", args=[item.subscription_id, "reinstate"])
    return Step("open", _label(item), url, denial_of(known.actor, Action.SUBSCRIPTION_SUSPEND))


def _operation(item: AttentionItem) -> list[str]:
    return [str(item.subscription_id), item.subject_id]


def _publisher(item: AttentionItem) -> list[str]:
    return [str(item.publisher_id)]


_STEPS: dict[str, Callable[[AttentionItem, Known], Step]] = {
    "": _open("subscriptions:detail"),
    NextAction.OPEN_PUBLISHER_SITE: _go,
    NextAction.ANSWER_PUBLISHER: _answer,
    NextAction.WAIT_FOR_PUBLISHER: _ask,
    NextAction.ASK_NOW: _ask,
    NextAction.CANCEL: _open("subscriptions:cancel", needs=Action.SUBSCRIPTION_CANCEL),
    Remedy.SEND_LINK: _open("subscriptions:send", needs=Action.SUBSCRIPTION_REMIND),
    Remedy.REMIND_CUSTOMER: _post("subscriptions:remind", Action.SUBSCRIPTION_REMIND),
    Remedy.DECIDE_IN_TIME: _open("subscriptions:detail"),
    Remedy.HURRY_PUBLISHER: _post("attention:press", Action.SUBSCRIPTION_POLL, about=_operation),
    Remedy.LOOK_AT_CHANGE: _post("attention:let_be", Action.ATTENTION_TRIAGE, about=_operation),
    Remedy.DECIDE_REQUEST: _decide_request,
    Remedy.SETTLE_DIVERGENCE: _open("subscriptions:detail", "#divergences"),
    Remedy.SEND_NOTICE: _post("subscriptions:renewal_notice", Action.SUBSCRIPTION_REMIND),
    Remedy.REINSTATE: _reinstate,
    Remedy.TEST_CONNECTION: _post("publisher-try", Action.PUBLISHER_TRY, about=_publisher),
    Remedy.MAKE_SECRET: _open("publisher-settings", "#secrets", needs=Action.PUBLISHER_MANAGE),
}
