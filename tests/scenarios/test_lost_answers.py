"""A web process is killed between a write's commit and its answer: the same request again gets that answer."""

from http.client import RemoteDisconnected
from uuid import uuid4

import pytest

from tests.scenarios.client import Line, Program
from tests.scenarios.hub import Hub


def test_what_was_committed_before_the_process_died_is_answered_and_not_done_again(hub: Hub, program: Program) -> None:
    cart = program.fill_cart(Line("esign", 2))
    checkout, rename = {"MS_RequestId": str(uuid4())}, {"MS_RequestId": str(uuid4())}

    with hub.mortal_web() as mortal:
        with pytest.raises(RemoteDisconnected):
            program.call("POST", f"{cart}/checkout", at=mortal, Last_Words="", **checkout)
        committed = hub.rows("SELECT status FROM subscriptions_cart WHERE id = %s", cart.rpartition("/")[2])
        answered = program.call("POST", f"{cart}/checkout", **checkout)
        (purchase,) = program.purchases(answered.json)

        path = program.path(purchase)
        with pytest.raises(RemoteDisconnected):
            program.call("PATCH", path, {"friendlyName": "Ours"}, at=mortal, Last_Words="", **rename)
        again = [program.call("PATCH", path, {"friendlyName": "Ours"}, **rename) for _ in range(2)]

    assert (committed, answered.status) == ([("ordered",)], 201)
    assert [reply.status for reply in again] == [200, 200]
    assert again[0].json == again[1].json
    assert again[0].json["friendlyName"] == "Ours"
    assert program.facts(purchase) == ["subscription.ordered", "subscription.renamed"]
