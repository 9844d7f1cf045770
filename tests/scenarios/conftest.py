import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.scenarios.client import Program
from tests.scenarios.harbour import Harbour, open_for_business
from tests.scenarios.hub import Hub, free_port

HERE = Path(__file__).parent
# A hub's start belongs to the first test that asks for it.
PATIENCE = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.scenario)
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where the hubs live. With their logs it stays behind when something failed."""
    folder = Path(tempfile.mkdtemp(prefix="partner-hub-scenarios-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user
    yield folder
    if request.session.testsfailed:
        print(f"\nThe hubs' logs: {folder}/*/logs")
    else:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def hubs(request: pytest.FixtureRequest, folder: Path) -> Iterator[dict[str, Hub]]:
    """The hubs that this session needs, side by side. They start together: each of them mostly keeps one core busy."""
    wanted = {name for item in request.session.items for name in ("hub", "neighbour") if name in item.fixturenames}
    found = {name: Hub(folder / name) for name in sorted(wanted)}
    try:
        for hub in found.values():
            hub.launch()
        for hub in found.values():
            hub.wait_until_ready()
        yield found
    finally:
        with ThreadPoolExecutor() as ending:
            list(ending.map(Hub.end_anyhow, found.values()))


@pytest.fixture(scope="session")
def hub(hubs: dict[str, Hub]) -> Hub:
    """A running demo that the scenarios share. Nobody stops it or changes its publishers."""
    return hubs["hub"]


@pytest.fixture(scope="session")
def neighbour(hubs: dict[str, Hub]) -> Hub:
    """A second running demo, for what must not disturb the first: its processes are killed and started again."""
    return hubs["neighbour"]


@pytest.fixture(scope="session")
def program(hub: Hub) -> Program:
    return Program(hub)


@pytest.fixture(scope="session")
def seller(neighbour: Hub) -> Program:
    return Program(neighbour)


@pytest.fixture(scope="session")
def harbour(neighbour: Hub, seller: Program, folder: Path) -> Iterator[Harbour]:
    """Somebody else's publisher, registered with the neighbour while it runs."""
    with open_for_business(neighbour.base_url, free_port()) as harbour:
        harbour.file = folder / "harbour.json"
        harbour.file.write_text(json.dumps(harbour.document()), encoding="utf-8")
        done = neighbour.manage("register_publisher", harbour.file)
        assert done.returncode == 0, done.stderr
        harbour.registration = json.loads(done.stdout)
        neighbour.secrets.add(harbour.registration["client_secret"])
        seller.catalogue += harbour.registration["catalog_items"]
        yield harbour
