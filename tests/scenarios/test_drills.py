"""All fault drills, one after another, as `manage.py drill` runs them."""

import os
import random

import pytest

from partnerhub.drills.catalogue import DRILLS
from partnerhub.drills.command import rehearsed
from partnerhub.drills.report import sentence


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)
def test_every_drill_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    # Another port than that of a hub that somebody runs.
    monkeypatch.delenv("HUB_PORT", raising=False)
    seed = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(10**6))
    outcomes = list(rehearsed(list(DRILLS), seed))

    assert [sentence(outcome) for outcome in outcomes if not outcome.held] == []
    assert [outcome.name for outcome in outcomes] == list(DRILLS)
