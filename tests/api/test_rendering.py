"""What the API writes is what the framework's own renderer writes, to the byte."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from rest_framework.renderers import JSONRenderer

from partnerhub.api.rendering import Json
from subscriptions.enums import Status

MOMENT = datetime(2026, 11, 24, 0, 30, 0, 120_000, UTC)
CONTROLS = "".join(map(chr, range(32))) + '\x7f\x80"\\/\u2028\u2029é🜁'


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [CONTROLS, {CONTROLS: CONTROLS}],
        {"none": None, "yes": True, "small": -1, "large": 2**53, "share": 0.1, "part": 12.5},
        {Status.PENDING: Status.PENDING, 7: mark_safe("<b>"), "lazy": gettext_lazy("Subscriptions")},
        {"at": MOMENT, "day": date(2026, 11, 24), "for": timedelta(hours=1), "sum": Decimal("1.10"), "id": UUID(int=1)},
        ({"a": (1, 2)}, [{"b": []}], iter(())),
    ],
)
def test_it_writes_what_the_framework_writes(data):
    assert Json().render(data) == JSONRenderer().render(data)


def test_half_a_surrogate_pair_is_spelt():
    assert Json().render({"refused": "\ud800", "é": Decimal("1.10")}) == b'{"refused":"\\ud800","\\u00e9":1.1}'


def test_what_json_cannot_say_is_refused():
    with pytest.raises(TypeError):
        Json().render(object())
