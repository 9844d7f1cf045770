"""Two hubs on one machine, with a port and a folder each."""

from partnerhub.drills.wire import call
from tests.scenarios.client import Program
from tests.scenarios.hub import Hub


def test_both_are_ready_and_strangers_to_each_other(
    hub: Hub, neighbour: Hub, program: Program, seller: Program
) -> None:
    for one, its_program in ((hub, program), (neighbour, seller)):
        assert call("GET", f"{one.base_url}/health/live").status == 200
        assert call("GET", f"{one.base_url}/health/ready").status == 200
        assert call("GET", f"{one.publisher_url}/health").json["status"] == "ok"
        assert its_program.customer_id in {row["id"] for row in its_program.items("/customers")}
    assert program.customer_id != seller.customer_id

    at_the_neighbours = Program.__new__(Program)
    at_the_neighbours.__dict__ = {**program.__dict__, "hub": neighbour}
    assert at_the_neighbours.call("GET", "/customers").status == 401
