"""Refusals on pages: their values as the reader writes them, while programs keep the codes."""

import pytest
import time_machine
from django.utils import translation

from partnerhub.errors import (
    AgreementMissing,
    HubError,
    NotFound,
    OperationPending,
    QuoteExpired,
    RenewalUnderWay,
    StatusForbids,
    SuspendedForbids,
)
from partnerhub.web.refusals import sentence_of

LATE = AgreementMissing(window="72-hour", closed_at="2026-11-26 12:00 UTC", publisher="Contoso")


@time_machine.travel("2026-11-23T12:00:00Z", tick=False)
@pytest.mark.parametrize(
    ("refusal", "english", "polish"),
    [
        (
            QuoteExpired(expired_at="2026-11-23 12:15 UTC"),
            "The quote was good until 23 Nov 2026, 12:15 UTC.",
            "23.11.2026, 12:15 UTC",
        ),
        (RenewalUnderWay(ended_on="2026-11-23"), "The term ended on 23 Nov 2026 and", "23.11.2026"),
        (
            OperationPending(action="change_quantity", since="2026-11-23 12:00 UTC"),
            "The change of 23 Nov 2026, 12:00 UTC (quantity change) is still under way.",
            "(zmiana liczby licencji)",
        ),
        (
            StatusForbids(status="unsubscribed", trigger="reinstate"),
            "A subscription that is ended cannot do this (reinstate).",
            "Subskrypcja w stanie zakończona nie może tego zrobić (przywrócenie).",
        ),
        (
            SuspendedForbids(field="billing frequency"),
            "The subscription is suspended: billing frequency can be changed once it is active again.",
            "będzie można zmienić: częstotliwość rozliczeń.",
        ),
        (LATE, "The 72-hour cancellation window closed on 26 Nov 2026, 12:00 UTC.", "(72 godziny)"),
        (AgreementMissing(**LATE.values | {"window": "14-day"}), "The 14-day cancellation window", "(14 dni)"),
        (AgreementMissing(**LATE.values | {"window": "long"}), "The long cancellation window", "(long)"),
    ],
)
def test_values_read_as_the_reader_writes_them(refusal: HubError, english: str, polish: str):
    assert english in sentence_of(refusal)
    with translation.override("pl"):
        assert polish in sentence_of(refusal)


@pytest.mark.parametrize("typed", ["2026-13-45", "2026-11-23 25:61 UTC", "on 2026-11-23", "change_quantity", "active"])
def test_what_only_looks_like_one_stays_as_it_was_typed(typed: str):
    assert sentence_of(NotFound(what="customer", id=typed)) == f"There is no customer {typed}."


def test_programs_read_codes_and_the_hubs_own_format():
    refusal = OperationPending(action="change_quantity", since="2026-11-23 12:00 UTC")

    assert str(refusal) == "The change of 2026-11-23 12:00 UTC (change_quantity) is still under way."
