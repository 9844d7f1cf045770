"""Send to customer: the letter with its preview, what became of it, and the template that letters begin with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from partnerhub.clock import now
from partnerhub.errors import HubError, NotFound, StaleVersion
from partnerhub.mail.letters import Letter
from partnerhub.web.refusals import refused as keep_refused
from partnerhub.web.refusals import sentence_of, status_of
from subscriptions.enums import Status
from subscriptions.models import CustomerPage, SetupAnswers, Subscription
from subscriptions.page_forms import LetterForm, TemplateForm
from subscriptions.page_letters import PLACEHOLDERS, known_language, template_in
from subscriptions.selectors import subscription_for
from subscriptions.services.customer_pages import (
    change_template,
    check_sendable,
    letter_for,
    page_expiry,
    revoke_page,
    send_page,
)
from subscriptions.services.customer_setup import missing, questions_for
from subscriptions.views.controls import Why
from subscriptions.views.permission import denial_of

PAGES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page that was sent: to whom, what became of the mail and of the page. `revoke_url` while it works."""

    recipient: str
    made_by: str
    made_at: datetime
    tone: str
    note: str
    expires_at: datetime | None
    opened_at: datetime | None
    again_url: str
    revoke_url: str


@dataclass(frozen=True, slots=True)
class SentView:
    """What `subscriptions/_sent.html` shows. `asked_again_at` is when another page was asked for and not yet sent."""

    rows: list[PageRow]
    answers: list[dict[str, str]]
    answered_at: datetime | None
    missing: list[str]
    asked_again_at: datetime | None
    send_url: str
    send_why: Why | None


class Sent(NamedTuple):
    """The newest pages with their mails, the newest first, and what the customer answered."""

    pages: list[CustomerPage]
    answers: SetupAnswers | None

    @classmethod
    def of(cls, subscription: Subscription) -> "Sent":
        newest = subscription.customer_pages.select_related("message").order_by("-made_at")[:PAGES_SHOWN]
        return cls(list(newest), SetupAnswers.objects.filter(pk=subscription.pk).first())


def sent_view(actor: Actor, subscription: Subscription, sent: Sent, at: datetime) -> SentView | None:
    """What was sent to the customer and answered; None when nothing was and nothing can be."""
    pages, row = sent
    waits = subscription.status == Status.PENDING
    if not (waits or pages or row):
        return None
    given = {key: one["value"] for key, one in row.answers.items()} if row else {}
    left = missing(questions_for(subscription), given) if waits else []
    send_url = reverse("subscriptions:send", args=[subscription.pk])
    return SentView(
        rows=[_row(actor, page, send_url, at) for page in pages],
        answers=_answers(subscription, row) if row else [],
        answered_at=row.answered_at if row else None,
        missing=[question.label for question in left],
        asked_again_at=_asked_again(pages),
        send_url=send_url,
        send_why=send_why(actor, subscription, at),
    )


def sent_state(sent: Sent) -> tuple[Any, ...]:
    """What of it can change while a page is open."""
    pages = [
        (page.pk, page.opened_at, page.asked_again_at, page.revoked_at, page.message.sent_at, page.message.failed_at)
        for page in sent.pages
    ]
    return (sent.answers and sent.answers.answered_at, pages)


def send_why(actor: Actor, subscription: Subscription, at: datetime) -> Why | None:
    """Why an agent cannot send the customer a page now; None when it can be sent."""
    denied = denial_of(actor, Action.SUBSCRIPTION_REMIND)
    if denied is not None:
        return Why("not_permitted", denied.reason, denied.who)
    try:
        check_sendable(subscription, at)
    except HubError as refusal:
        return Why(refusal.code, sentence_of(refusal))
    return None


def send_url_of(subscription: Subscription, actor: Actor) -> str:
    """The address of the letter; empty where there is nothing to send or no right to."""
    if subscription.status != Status.PENDING or not actor.may(Action.SUBSCRIPTION_REMIND):
        return ""
    return reverse("subscriptions:send", args=[subscription.pk])


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def send(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """The letter, with what it will look like; sending it leads back to the subscription."""
    actor = actor_of(request)
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    subscription, at = subscription_for(actor, subscription_id), now()
    if request.method != "POST":
        check_sendable(subscription, at)
        return _letter_page(request, actor, subscription, _new_letter(request, subscription), 200)
    form = LetterForm(request.POST)
    if "preview" in request.POST or not form.is_valid():
        return _letter_page(request, actor, subscription, form, 200 if form.is_valid() else 422)
    given = form.cleaned_data
    try:
        send_page(
            actor,
            subscription.pk,
            page_id=given["page"],
            recipient=given["recipient"],
            language=given["language"],
            subject=given["subject"],
            body=given["body"],
            at=at,
        )
    except HubError as refusal:
        keep_refused(request, refusal)
        form.refuse(refusal)
        return _letter_page(request, actor, subscription, form, status_of(refusal))
    messages.success(request, _("The page is being sent to {recipient}.").format(recipient=given["recipient"]))
    return redirect(f"{reverse('subscriptions:detail', args=[subscription.pk])}#sent")


@require_POST
@login_required
def preview(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """What the letter would look like, as it is typed."""
    actor = actor_of(request)
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    shown = _preview(actor, subscription_for(actor, subscription_id), LetterForm(request.POST), now())
    return render(request, "subscriptions/_send_preview.html", shown)


@require_POST
@login_required
def revoke(request: HttpRequest, subscription_id: UUID, page_id: UUID) -> HttpResponse:
    """Let a page work no more."""
    page = revoke_page(actor_of(request), subscription_id, page_id, at=now())
    messages.success(request, _("The page sent to {recipient} works no more.").format(recipient=page.recipient))
    return redirect(f"{reverse('subscriptions:detail', args=[subscription_id])}#sent")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def template(request: HttpRequest, language: str) -> HttpResponse:
    """The words that a letter begins with, for one language; two people who change them at once see each other's."""
    actor = actor_of(request)
    authorize(actor, Action.LETTER_EDIT)
    if language not in dict(settings.LANGUAGES):
        raise NotFound(what="language", id=language)
    if request.method != "POST":
        found = template_in(language)
        form = TemplateForm.shown(TemplateForm.values_of(found), found.version)
        return _template_page(request, language, form, 200)
    form = TemplateForm(request.POST.dict())
    if not form.is_valid():
        return _template_page(request, language, form, 422)
    given = form.cleaned_data
    try:
        change_template(actor, language, subject=given["subject"], body=given["body"], seen=given["version"], at=now())
    except HubError as refusal:
        keep_refused(request, refusal)
        form.refuse(refusal)
        if isinstance(refusal, StaleVersion):
            current = template_in(language)
            form.compare(TemplateForm.values_of(current), current.version)
        return _template_page(request, language, form, status_of(refusal))
    messages.success(request, _("The letter is saved."))
    return redirect("letter", language)


def _new_letter(request: HttpRequest, subscription: Subscription) -> LetterForm:
    customer = subscription.customer
    language = known_language(request.GET.get("language", customer.language))
    found = template_in(language)
    recipient = request.GET.get("recipient", customer.beneficiary_email)
    shown = {"recipient": recipient, "subject": found.subject, "body": found.body, "language": language}
    return LetterForm(initial={**shown, "page": uuid4()})


def _letter_page(
    request: HttpRequest, actor: Actor, subscription: Subscription, form: LetterForm, status: int
) -> HttpResponse:
    language = known_language(str(form["language"].value()))
    home = reverse("subscriptions:detail", args=[subscription.pk])
    context = {
        "form": form,
        "subscription": subscription,
        "crumbs": [
            {"url": reverse("customers:marketplace", args=[subscription.customer_id]), "label": subscription.customer},
            {"url": home, "label": subscription.nickname},
        ],
        "back_url": home,
        "preview_url": reverse("subscriptions:send_preview", args=[subscription.pk]),
        "languages": _languages(language),
        "template_url": reverse("letter", args=[language]) if actor.may(Action.LETTER_EDIT) else "",
        **_placeholders(),
        **_preview(actor, subscription, form, now()),
    }
    return render(request, "subscriptions/send.html", context, status=status)


def _template_page(request: HttpRequest, language: str, form: TemplateForm, status: int) -> HttpResponse:
    context = {"form": form, "languages": _languages(language), **_placeholders()}
    return render(request, "subscriptions/send_template.html", context, status=status)


def _languages(chosen: str) -> list[dict[str, Any]]:
    return [
        {"code": code, "name": get_language_info(code)["name_local"].capitalize(), "is_chosen": code == chosen}
        for code, _name in settings.LANGUAGES
    ]


def _placeholders() -> dict[str, list[tuple[str, str]]]:
    meant = {
        "contact": _("the contact's name"),
        "customer": _("the customer"),
        "offer": _("the offer"),
        "plan": _("the plan"),
        "quantity": _("how many licences"),
        "publisher": _("the publisher"),
        "order": _("the number of the order"),
        "until": _("until when the page works"),
        "agent": _("who sends it"),
    }
    return {"placeholders": [(f"{{{name}}}", meant[name]) for name in PLACEHOLDERS]}


def _preview(actor: Actor, subscription: Subscription, form: LetterForm, at: datetime) -> dict[str, Any]:
    """The letter as it would be sent, or why it could not be."""
    letter: Letter | None = None
    problem = ""
    typed = {name: str(form[name].value() or "") for name in ("recipient", "language", "subject", "body")}
    try:
        letter = letter_for(actor, subscription, **typed, url="", until=page_expiry(subscription, at))
    except HubError as refusal:
        problem = sentence_of(refusal)
    return {"letter": letter, "problem": problem, "language": known_language(typed["language"])}


def _row(actor: Actor, page: CustomerPage, send_url: str, at: datetime) -> PageRow:
    tone, note = _fate(page, at)
    works = page.revoked_at is None and page.expires_at > at
    may_revoke = works and actor.may(Action.SUBSCRIPTION_REMIND)
    revoke_url = reverse("subscriptions:revoke_page", args=[page.subscription_id, page.pk])
    return PageRow(
        recipient=page.recipient,
        made_by=page.made_by,
        made_at=page.made_at,
        tone=tone,
        note=note,
        expires_at=page.expires_at if works else None,
        opened_at=page.opened_at,
        again_url=f"{send_url}?language={page.language}",
        revoke_url=revoke_url if may_revoke else "",
    )


def _fate(page: CustomerPage, at: datetime) -> tuple[str, str]:
    message = page.message
    if page.revoked_at is not None:
        return "off", _("revoked by {name}").format(name=page.revoked_by)
    if message.failed_at is not None:
        return "attention", _("could not be delivered ({why})").format(why=message.last_error)
    if page.expires_at <= at:
        return "off", _("expired")
    if message.sent_at is not None:
        return "ok", _("sent")
    return "wait", _("being sent") if settings.HUB_MAIL_READY else _("waits: the hub has no mail server")


def _answers(subscription: Subscription, row: SetupAnswers) -> list[dict[str, str]]:
    """The answers in the order of the questions, then those to questions that are asked no more."""
    asked = [question.key for question in questions_for(subscription)]
    keys = sorted(row.answers, key=lambda key: (asked.index(key) if key in asked else len(asked), key))
    return [{"term": row.answers[key]["label"], "value": row.answers[key]["value"]} for key in keys]


def _asked_again(pages: list[CustomerPage]) -> datetime | None:
    """When another page was asked for, unless one was sent since."""
    asked = max((page.asked_again_at for page in pages if page.asked_again_at), default=None)
    return asked if asked and pages[0].made_at < asked else None
