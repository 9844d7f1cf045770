"""The result of trying out a publisher's connection: of this run only; that it was done is on record."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.middleware import actor_of
from partnerhub.clock import now
from publishers.selectors import publisher_for
from publishers.services.selftest import Verdict, try_out
from publishers.words import STEP, VERDICT, finding_words, heard_words

TONES = {Verdict.PASSED: "ok", Verdict.WARNING: "wait", Verdict.FAILED: "attention"}


@require_POST
@login_required
def test(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Try everything now; the page comes when the slowest answer has."""
    actor, at = actor_of(request), now()
    steps = try_out(actor, publisher_id, at=at)
    verdicts = [step.verdict for step in steps]
    context = {
        "publisher": publisher_for(actor, publisher_id),
        "current": "settings",
        "tested_at": at,
        "failed": verdicts.count(Verdict.FAILED),
        "warned": verdicts.count(Verdict.WARNING),
        "rows": [
            {
                "name": STEP[step.name],
                "tone": TONES[step.verdict],
                "word": VERDICT[step.verdict],
                "finding": finding_words(step),
                "sent": step.sent,
                "heard": heard_words(step.heard),
            }
            for step in steps
        ],
    }
    return render(request, "publishers/test.html", context)
