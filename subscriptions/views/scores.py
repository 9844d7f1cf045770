"""A publisher's scores in words: at buying time, in lists, and as facts."""

from typing import Any

from django.utils.translation import gettext as _

from publishers.words import duration_words, share_words
from subscriptions.scoreboard import STUCK_AFTER, Score


def readiness(score: Score) -> str:
    """How soon what is bought is ready, as far as the past tells."""
    if not score.is_telling:
        return _("Too few orders to tell how fast it is set up")
    if score.median is None:
        return _("More than half of the orders were never activated")
    usual = _("Usually ready in {time}").format(time=duration_words(score.median))
    if score.ninth_of_ten is None:
        return _("{usual} · more than 1 in 10 never").format(usual=usual)
    return _("{usual} · 9 of 10 within {time}").format(usual=usual, time=duration_words(score.ninth_of_ten))


def score_facts(score: Score) -> list[dict[str, Any]]:
    """Each figure of a telling score with what it means."""
    days = {"days": STUCK_AFTER.days}
    facts: list[dict[str, Any]] = [
        {"term": _("Orders counted"), "value": score.orders},
        {"term": _("Half are ready within"), "value": duration_words(score.median) if score.median else _("never")},
        {
            "term": _("9 of 10 are ready within"),
            "value": duration_words(score.ninth_of_ten) if score.ninth_of_ten else _("never"),
        },
        {
            "term": _("Stuck or never activated"),
            "value": share_words(score.stuck / score.orders),
            "note": _("longer than {days} days").format(**days),
        },
        {"term": _("Changes"), "value": score.changes},
    ]
    if score.changes:
        facts += [
            {"term": _("Refused or not carried out"), "value": share_words(score.failed / score.changes)},
            {"term": _("Accepted by silence"), "value": share_words(score.silent / score.changes)},
        ]
    return facts
