"""What can be done with an invoice: each act says what it does, and is confirmed in a dialog or on its own page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.denial import denial_of
from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from billing.enums import InvoiceKind, InvoiceState
from billing.forms import ActForm, CreditForm, PaidForm, ReasonForm
from billing.models import Invoice
from billing.selectors import invoice_for
from billing.services import crediting
from billing.services import invoices as services
from customers.views.acting import refusal_of, status_after
from partnerhub.clock import now
from partnerhub.money import Money

Do = Callable[[Actor, Invoice, ActForm, datetime], Invoice]


@dataclass(frozen=True, slots=True)
class Act:
    """One act: when it is possible, how it is asked for, what it does and what is said of it then."""

    label: Any
    effect: Any
    done: Any
    states: Sequence[InvoiceState]
    do: Do
    form: type[ActForm] = ActForm
    is_primary: bool = False
    is_danger: bool = False
    is_paid: bool | None = None

    def fits(self, invoice: Invoice) -> bool:
        """Whether the invoice is in a state for it."""
        if invoice.kind != InvoiceKind.INVOICE or invoice.state not in self.states:
            return False
        return self.is_paid is None or self.is_paid == (invoice.paid_at is not None)


_DRAFTS = (InvoiceState.DRAFT, InvoiceState.HELD)
ACTS: dict[str, Act] = {
    "finalize": Act(
        label=gettext_lazy("Finalize"),
        effect=gettext_lazy("It gets its number and can never be changed again; what is wrong then is credited."),
        done=gettext_lazy("The invoice is final."),
        states=_DRAFTS,
        do=lambda actor, invoice, form, at: services.approve(actor, invoice.pk, at=at),
        is_primary=True,
    ),
    "hold": Act(
        label=gettext_lazy("Hold"),
        effect=gettext_lazy("It is not finalized when its review is over, until it is released."),
        done=gettext_lazy("The draft is held."),
        states=[InvoiceState.DRAFT],
        do=lambda actor, invoice, form, at: services.hold(actor, invoice.pk, reason=form.why, at=at),
        form=ReasonForm,
    ),
    "release": Act(
        label=gettext_lazy("Release"),
        effect=gettext_lazy("It is finalized when its review is over."),
        done=gettext_lazy("The draft is released."),
        states=[InvoiceState.HELD],
        do=lambda actor, invoice, form, at: services.release(actor, invoice.pk, at=at),
    ),
    "redraft": Act(
        label=gettext_lazy("Draft anew"),
        effect=gettext_lazy("This draft is dropped, and the month is drafted again by the profiles as they are now."),
        done=gettext_lazy("The month is drafted anew."),
        states=_DRAFTS,
        do=lambda actor, invoice, form, at: services.redraft(actor, invoice.pk, reason=form.why, at=at),
        form=ReasonForm,
    ),
    "drop": Act(
        label=gettext_lazy("Drop the draft"),
        effect=gettext_lazy("Its charges stand on no invoice any more; they go to the customer's next one."),
        done=gettext_lazy("The draft is dropped."),
        states=_DRAFTS,
        do=lambda actor, invoice, form, at: services.void(actor, invoice.pk, reason=form.why, at=at),
        form=ReasonForm,
        is_danger=True,
    ),
    "paid": Act(
        label=gettext_lazy("Mark as paid"),
        effect=gettext_lazy("Nothing is collected: it is only noted that the money has come."),
        done=gettext_lazy("The invoice is paid."),
        states=[InvoiceState.FINALIZED],
        do=lambda actor, invoice, form, at: services.mark_paid(actor, invoice.pk, reference=form.paid_with, at=at),
        form=PaidForm,
        is_primary=True,
        is_paid=False,
    ),
    "unpaid": Act(
        label=gettext_lazy("Mark as not paid"),
        effect=gettext_lazy("The note that the money has come is taken back."),
        done=gettext_lazy("The invoice is not paid."),
        states=[InvoiceState.FINALIZED],
        do=lambda actor, invoice, form, at: services.mark_unpaid(actor, invoice.pk, reason=form.why, at=at),
        form=ReasonForm,
        is_paid=True,
    ),
    "credit": Act(
        label=pgettext_lazy("act", "Credit"),
        effect=gettext_lazy(
            "A credit note takes back what is left of these lines, with its tax, at once and for good."
        ),
        done=gettext_lazy("The credit note is issued."),
        states=[InvoiceState.FINALIZED],
        do=lambda actor, invoice, form, at: crediting.credit(
            actor, invoice.pk, positions=form.positions, reason=form.why, at=at
        ),
        form=CreditForm,
        is_danger=True,
    ),
}


def controls_of(actor: Actor, invoice: Invoice) -> list[dict[str, Any]]:
    """The acts that the invoice's state allows; `denied` says why the actor's role may not, and who may."""
    denied = denial_of(actor, Action.INVOICE_MANAGE)
    return [
        {
            "name": name,
            "label": act.label,
            "url": reverse("billing:act", args=[invoice.pk, name]),
            "is_primary": act.is_primary,
            "denied": denied,
        }
        for name, act in ACTS.items()
        if act.fits(invoice)
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def act(request: HttpRequest, invoice_id: UUID, name: str) -> HttpResponse:
    """Say what an act does, then do it."""
    if name not in ACTS:
        raise Http404
    actor, chosen = actor_of(request), ACTS[name]
    authorize(actor, Action.INVOICE_MANAGE)
    invoice = invoice_for(actor, invoice_id)
    if request.method != "POST":
        return _confirm(request, invoice, name, chosen.form(), 200)
    form, made = chosen.form(request.POST), list[Invoice]()
    valid = form.is_valid()
    refusal = refusal_of(request, form, lambda: made.append(chosen.do(actor, invoice, form, now()))) if valid else None
    if not made:
        return _confirm(request, invoice, name, form, status_after(refusal))
    messages.success(request, str(chosen.done))
    url = reverse("billing:invoice", args=[made[0].pk])
    if getattr(request, "htmx", None):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _confirm(request: HttpRequest, invoice: Invoice, name: str, form: ActForm, status: int) -> HttpResponse:
    in_dialog = bool(getattr(request, "htmx", None))
    chosen = ACTS[name]
    context = {
        "title": chosen.label,
        "effect": chosen.effect,
        "is_danger": chosen.is_danger,
        "invoice": invoice,
        "gross": Money(invoice.gross, invoice.currency),
        "called": invoice.number or _("Draft of {month}").format(month=f"{invoice.period_start:%Y-%m}"),
        "role": actor_of(request).role,
        "form": form,
        "act_url": reverse("billing:act", args=[invoice.pk, name]),
        "back_url": reverse("billing:invoice", args=[invoice.pk]),
        "in_dialog": in_dialog,
    }
    return render(request, "billing/_act.html" if in_dialog else "billing/act.html", context, status=status)
