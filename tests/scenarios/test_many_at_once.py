"""Several programs and several workers over the same rows: each thing happens once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

from partnerhub.drills.waiting import eventually
from tests.scenarios.client import Line, Program, Visitor
from tests.scenarios.hub import Hub

BACKLOG = 30
EXPRESS = Line("esign-express--prompt", 2)


def test_a_cart_that_is_checked_out_four_times_at_once_becomes_one_order(program: Program) -> None:
    cart = program.fill_cart(EXPRESS)
    with ThreadPoolExecutor(4) as programs:
        replies = list(programs.map(program.call, repeat("POST", 4), repeat(f"{cart}/checkout")))

    assert [reply.status for reply in replies] == [201, 201, 201, 201], [reply.text for reply in replies]
    first, *others = (program.purchases(reply.json) for reply in replies)
    assert others == [first, first, first]
    orders = program.items(f"/customers/{program.customer_id}/orders")
    lines = [line for order in orders for line in order["lineItems"]]
    assert [line["subscriptionId"] for line in lines].count(first[0].subscription_id) == 1


def test_three_workers_over_one_backlog_apply_each_answer_once(hub: Hub, program: Program) -> None:
    backlog = program.buy(*repeat(EXPRESS, BACKLOG))
    with hub.more_workers("second", "third"):
        asked: set[str] = set()

        def all_have_asked() -> bool:
            # One that finds everything taken by another gives up its round at once: they need not meet.
            asked.update(hub.pollers())
            return asked >= {"worker", "second", "third"}

        eventually(all_have_asked, within=60, what="Three workers that ask", longest_pause=0.1)
        links = program.order_links(backlog[0])
        with ThreadPoolExecutor(8) as people:
            list(people.map(lambda purchase: Visitor(hub, links[purchase.line_number]), backlog))
            billed = list(people.map(lambda purchase: program.wait_for_billing(purchase, within=60), backlog))

    assert len(billed) == BACKLOG
    assert [program.facts(purchase).count("subscription.gate_satisfied") for purchase in backlog] == [2] * BACKLOG
