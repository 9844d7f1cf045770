"""How a drafted line is described."""

import json

import pytest

from billing.drafting import Sold

SOLD = Sold({"publisher": 'P "quoted"', "offer": "{o}", "plan": "p\\n", "term": "P1Y", "billing_cycle": "monthly"})


@pytest.mark.parametrize("nickname", ["", "Zażółć", 'a "b" \\ {c}\n\t', "\x00🙂"])
def test_description_is_the_json_of_all_names(nickname):
    assert json.loads(SOLD.described(nickname)) == {**SOLD.names, "nickname": nickname}
