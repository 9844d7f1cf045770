"""What must hold after everything else in this folder: pytest runs its files by name, and this is the last one."""

import re

import pytest

from partnerhub.drills.waiting import eventually
from tests.scenarios.client import Agent, Line, Program, Visitor
from tests.scenarios.hub import Hub

PASSWORD = "partnerhub-demo"
# Access tokens that no test has seen: those of the demo publisher, and those that the hub shows to publishers.
SIGNED = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.")
PERSONALISED = re.compile(r"token(=|%3D)[\w%-]{16,}")


@pytest.fixture(params=["program", "seller"])
def sold_by(request: pytest.FixtureRequest, program: Program, seller: Program) -> Program:
    """The program at each of the hubs."""
    return {"program": program, "seller": seller}[request.param]


def test_no_secret_has_reached_a_log(sold_by: Program) -> None:
    hub = sold_by.hub
    (purchase,) = sold_by.buy(Line("esign-express--prompt", 2))
    agent = Agent(hub, "sales@partnerhub.example", PASSWORD)
    away = agent.get(f"/go/{purchase.subscription_id}")
    Visitor(hub, away.headers["Location"])
    hub.secrets.add(away.headers["Location"].partition("token=")[2])
    sold_by.wait_for_billing(purchase)
    assert agent.get(f"/subscriptions/{purchase.subscription_id}/charges/").status == 200
    hub.secrets.add((hub.folder / "secret_key").read_text(encoding="utf-8").strip())
    # What is searched was written: the logs know of this purchase.
    eventually(lambda: purchase.subscription_id in hub.log("web"), within=10)

    logs = {file.name: file.read_text(encoding="utf-8", errors="replace") for file in (hub.folder / "logs").iterdir()}
    betrayed = [(name, secret) for name, text in logs.items() for secret in hub.secrets if secret in text]

    assert PASSWORD in hub.secrets
    assert set(logs) >= {f"{name}.log" for name in ("web", "worker", "scheduler", "publisher", "postgres", "prepare")}
    assert betrayed == []
    assert [name for name, text in logs.items() if SIGNED.search(text) or PERSONALISED.search(text)] == []


def test_the_ledger_of_the_session_holds(sold_by: Program) -> None:
    hub: Hub = sold_by.hub
    verified = hub.manage("verify_ledger")

    assert (verified.returncode, verified.stderr) == (0, "")
    twice = """SELECT subscription_id FROM billing_charge WHERE charge_type = 'new'
                GROUP BY subscription_id HAVING count(*) > 1"""
    assert hub.rows(twice) == []
    early = "SELECT id FROM subscriptions_subscription WHERE status = 'pending_fulfillment_start' AND id IN (%s)"
    assert hub.rows(early % "SELECT subscription_id FROM billing_charge") == []
