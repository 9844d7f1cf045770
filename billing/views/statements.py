"""Publishers' statements: imported, and compared with what was charged."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.denial import denial_of
from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from billing.forms import StatementForm
from billing.models import Statement, StatementLine
from billing.services.statements import Imported, import_statement
from billing.statement_file import UnreadableStatement, read_statement
from billing.statements import Difference, compared, counts_of, missing_there, statements_visible_to
from billing.views.frame import frame
from billing.views.reconciling import WRITERS
from customers.views.acting import refusal_of, status_after
from partnerhub.clock import now
from partnerhub.errors import NotFound
from partnerhub.money import Money
from partnerhub.web.export import Value
from partnerhub.web.pages import keyset_page
from partnerhub.web.progress import counted, taken

WORDS = {
    Difference.AGREES: gettext_lazy("It agrees"),
    Difference.AMOUNT_DIFFERS: gettext_lazy("Another amount"),
    Difference.QUANTITY_DIFFERS: gettext_lazy("Another quantity"),
    Difference.CURRENCY_DIFFERS: gettext_lazy("Another currency"),
    Difference.NOTHING_CHARGED: gettext_lazy("Nothing was charged in this month"),
    Difference.UNKNOWN_SUBSCRIPTION: gettext_lazy("No subscription of this publisher"),
    Difference.MISSING_THERE: pgettext_lazy("statement", "Charged, but not on the statement"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def statements(request: HttpRequest) -> HttpResponse:
    """The statements that were imported, and the form for another."""
    actor = actor_of(request)
    if request.method != "POST":
        return _list(request, actor, StatementForm(), 200)
    authorize(actor, Action.INVOICE_MANAGE)
    form = StatementForm(request.POST, request.FILES)
    done, status = _imported(request, actor, form)
    if done is None:
        return _list(request, actor, form, status)
    told = _("Imported: {added} lines new, {changed} changed, {same} as before, {gone} gone.")
    messages.success(request, told.format(added=done.added, changed=done.changed, same=done.same, gone=done.gone))
    return redirect("billing:statement", done.statement.pk)


def _imported(request: HttpRequest, actor: Actor, form: StatementForm) -> tuple[Imported | None, int]:
    """What the import did, or None with the status of the page that shows why not."""
    if not form.is_valid():
        return None, 422
    file, done = form.cleaned_data["file"], list[Imported]()

    def act() -> None:
        rows = counted(read_statement(file.file, file.name or ""), actor.id, form.cleaned_data["progress"] or uuid4())
        done.append(import_statement(actor, **form.statement, rows=rows, at=now()))

    try:
        refusal = refusal_of(request, form, act)
    except UnreadableStatement as unreadable:
        form.unreadable(unreadable.problems)
        return None, 422
    return (done[0], 302) if done else (None, status_after(refusal))


@require_safe
@login_required
def import_progress(request: HttpRequest, progress_id: UUID) -> HttpResponse:
    """How many lines one's own import has taken over so far, as a sentence; 204 while nothing is known of it."""
    actor = actor_of(request)
    authorize(actor, Action.INVOICE_MANAGE)
    number = taken(actor.id, progress_id)
    if number is None:
        return HttpResponse(status=204)
    told = ngettext("%(n)s line taken over so far.", "%(n)s lines taken over so far.", number)
    told %= {"n": number_format(number, force_grouping=True)}
    return HttpResponse(told, content_type="text/plain; charset=utf-8")


def _list(request: HttpRequest, actor: Actor, form: StatementForm, status: int) -> HttpResponse:
    page = keyset_page(statements_visible_to(actor), ("-imported_at", "-id"), request.GET)
    context = {
        "form": form,
        "progress_id": uuid4(),
        "rows": page.rows,
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "denied": denial_of(actor, Action.INVOICE_MANAGE),
    }
    return render(request, "billing/statements.html", context | frame(actor, "statements"), status=status)


@require_safe
@login_required
def statement(request: HttpRequest, statement_id: UUID) -> HttpResponse:
    """A statement's lines beside the ledger; `?difference=` leaves those of one kind."""
    actor, params = actor_of(request), request.GET
    found = _statement(actor, statement_id)
    chosen = params.get("difference", "")
    page = keyset_page(compared(found, chosen), ("number", "id"), params)
    missing = missing_there(found)
    context = {
        "statement": found,
        "rows": [_shown(line) for line in page.rows],
        "kinds": _kinds(found, chosen),
        "missing": [{**row, "ours": Money(row["ours"], row["currency"])} for row in missing],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }
    return render(request, "billing/statement.html", context | frame(actor, "statements"))


@require_safe
@login_required
def statement_file(request: HttpRequest, statement_id: UUID, form: str) -> HttpResponseBase:
    """The comparison of every line, and what is missing there, as `csv` or `xlsx`."""
    if form not in WRITERS:
        raise Http404
    found = _statement(actor_of(request), statement_id)
    headings = [
        _("Line"), _("Subscription ID"), _("Nickname"), _("Month"), _("Quantity there"), _("Amount there"),
        _("Currency there"), _("Quantity here"), _("Amount here"), _("Currency here"), _("Code"), _("Difference"),
    ]  # fmt: skip
    said = {str(kind): str(word) for kind, word in WORDS.items()}
    return WRITERS[form](f"statement-{found.pk}", headings, _rows(found, compared(found), said))


def _statement(actor: Actor, statement_id: UUID) -> Statement:
    found = statements_visible_to(actor).filter(pk=statement_id).first()
    if found is None:
        raise NotFound(what="statement", id=statement_id)
    return found


def _kinds(found: Statement, chosen: str) -> list[dict[str, Any]]:
    """Tabs: every line, then each difference that occurs."""
    counts = counts_of(found)
    every = {"url": "?", "label": _("All"), "count": str(counts.total()), "current": chosen not in counts}
    kinds = [kind for kind in Difference if counts[kind]]
    return [every] + [
        {"url": f"?difference={kind}", "label": WORDS[kind], "count": str(counts[kind]), "current": kind == chosen}
        for kind in kinds
    ]


def _shown(line: StatementLine) -> dict[str, Any]:
    found = vars(line)
    ours = None if found["ours"] is None else Money(found["ours"], found["our_currency"])
    return {
        "line": line,
        "amount": Money(line.amount, line.currency),
        "theirs": Money(found["theirs"], line.currency) if found["theirs"] != line.amount else None,
        "ours": ours,
        "our_quantity": found["our_quantity"],
        "agrees": found["difference"] == Difference.AGREES,
        "word": WORDS[Difference(found["difference"])],
    }


def _rows(found: Statement, lines: QuerySet[StatementLine], said: dict[str, str]) -> Iterator[list[Value]]:
    for line in lines.iterator(chunk_size=2000):
        values = vars(line)
        yield [
            line.number,
            line.named,
            line.subscription.nickname if line.subscription else "",
            line.month,
            line.quantity,
            line.amount,
            line.currency,
            values["our_quantity"],
            values["ours"],
            values["our_currency"],
            values["difference"],
            said[values["difference"]],
        ]
    code = str(Difference.MISSING_THERE)
    for row in missing_there(found):
        here = [None, row["ours"], row["currency"], code, said[code]]
        yield [None, str(row["subscription_id"]), row["subscription__nickname"], row["month"], None, None, "", *here]
