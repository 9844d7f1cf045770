"""A hub that serves from this process, its demo vendor as a process, a worker on a thread, and a real Chromium."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection, connections
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.test import override_settings
from django.test.utils import setup_databases, teardown_databases
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.policy import SYSTEM
from partnerhub.clock import now
from partnerhub.outbox.delivery import deliver_due
from partnerhub.runtime.browser import INSTALL_LINE, find_chromium
from partnerhub.runtime.messages import compile_all
from partnerhub.runtime.ports import answer, is_free
from subscriptions.demo.loading import load
from subscriptions.demo.people import PASSWORD
from subscriptions.operations import Sender
from subscriptions.polling import Poller
from subscriptions.window import Bounds
from tests.factories.publishers import restore_default_policies

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WIDE = {"width": 1360, "height": 900}
PORTS = range(20100, 20200)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    chromium = find_chromium()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(180))
            if chromium is None:
                item.add_marker(pytest.mark.skip(reason=f"no Chromium here; install it with: {INSTALL_LINE}"))


def two_free_ports() -> int:
    """A port that is free and whose next one is free too: the hub's and its publishers'."""
    return next(port for port in PORTS if is_free(port) and is_free(port + 1))


@dataclass(frozen=True)
class Demo:
    """The demo's data, loaded once: a folder and a database that are copied, and that nobody touches."""

    port: int
    folder: Path
    database: str


@pytest.fixture(scope="session")
def demo(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Demo]:
    """Loaded for all tests here, because it takes a while."""
    compile_all()
    with ExitStack() as ending:
        with django_db_blocker.unblock():
            ending.enter_context(test_database())
            name = connection.settings_dict["NAME"]
            demo = Demo(two_free_ports(), tmp_path_factory.mktemp("demo"), f"{name}_demo")
            with settings_of(demo.port, demo.folder), copied(name, demo.database):
                restore_default_policies()
                load(demo.folder / "demo.json", at=now())
        yield demo
        with django_db_blocker.unblock():
            drop(demo.database)
            ending.close()


@pytest.fixture(scope="module")
def hub(demo: Demo, django_db_blocker, tmp_path_factory) -> Iterator["Hub"]:
    """The hub with the demo's data as they were loaded, its vendor and its worker."""
    folder = Path(copytree(demo.folder, tmp_path_factory.mktemp("hub") / "data"))
    name = f"{demo.database}_now"
    with django_db_blocker.unblock():
        with settings_of(demo.port, folder), copied(demo.database, name), ExitStack() as ending:
            server = LiveServer(f"127.0.0.1:{demo.port}")
            ending.callback(server.stop)
            vendor = start_vendor(demo.port, folder)
            ending.callback(stop_vendor, vendor)
            worker = Worker()
            ending.callback(worker.stop)
            worker.start()
            yield Hub(server.url)
        drop(name)


def settings_of(port: int, folder: Path) -> override_settings:
    address = {"HUB_PORT": port, "HUB_BASE_URL": f"http://127.0.0.1:{port}"}
    return override_settings(HUB_DATA=folder, HUB_ALLOW_PRIVATE_PUBLISHERS=True, **address)


@contextmanager
def test_database() -> Iterator[None]:
    """The tests' database, never the one of DATABASE_URL: pytest-django makes it only where a test carries its mark."""
    if connection.settings_dict["NAME"].startswith(TEST_DATABASE_PREFIX):
        yield
        return
    made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
    try:
        yield
    finally:
        teardown_databases(made, verbosity=0)


@contextmanager
def copied(original: str, name: str) -> Iterator[None]:
    """Everything speaks to a copy of a database meanwhile, which stays."""
    assert original.startswith(TEST_DATABASE_PREFIX)
    connections.close_all()
    before = connection.settings_dict["NAME"]
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {original}")
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connections.close_all()
        connection.settings_dict["NAME"] = before


def drop(database: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {database} WITH (FORCE)")


def start_vendor(port: int, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "publishers.demo", "--port", str(port + 1), "--hub", f"http://127.0.0.1:{port}"]
    command += ["--data", str(folder / "publisher"), "--config", str(folder / "demo.json")]
    vendor = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        if answer(f"http://127.0.0.1:{port + 1}/health", seconds=1)[0] == 200:
            return vendor
        threading.Event().wait(0.1)
    vendor.kill()
    raise RuntimeError("the demo vendor did not start")


def stop_vendor(vendor: subprocess.Popen[bytes]) -> None:
    vendor.terminate()
    vendor.wait(10)


class Hub:
    """Where the hub is, and a way to look into its database while a browser's event loop holds the test's thread."""

    def __init__(self, url: str) -> None:
        self.url = url

    def look(self, question: Callable[[], Any]) -> Any:
        def asked() -> Any:
            try:
                return question()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asked).result()


class Worker(threading.Thread):
    """Does what beat and the Celery workers do, with the same calls."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ends = threading.Event()

    def run(self) -> None:
        while not self.ends.wait(0.5):
            Poller(SYSTEM, Bounds(seconds=5, idle_seconds=0)).run()
            Sender(SYSTEM, Bounds(seconds=5, idle_seconds=0)).run()
            deliver_due(now())
        connections.close_all()

    def stop(self) -> None:
        self.ends.set()
        self.join(20)


@pytest.fixture(scope="module")
def browser(hub: Hub) -> Iterator[Browser]:
    """Ends before the hub does: its event loop must not be running while this thread speaks to the database."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


class Agent:
    """An agent at a browser; every problem its console shows is kept."""

    def __init__(self, hub: Hub, context: BrowserContext) -> None:
        self.hub, self.context = hub, context
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.hub.url}{path}")
        return self.page

    def sign_in(self, email: str) -> Page:
        page = self.open("/accounts/sign-in/")
        page.locator("#id_username").fill(email)
        page.locator("#id_password").fill(PASSWORD)
        page.locator("form.form button").click()
        page.wait_for_url(f"{self.hub.url}/")
        return page

    def check_accessible(self) -> None:
        found = Axe().run(self.page).response["violations"]
        assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == [], self.page.url


@pytest.fixture
def agent(hub: Hub, browser: Browser) -> Iterator[Callable[..., Agent]]:
    """Opens a browser window of its own for one agent."""
    contexts: list[BrowserContext] = []

    def opened(email: str = "", *, locale: str = "en-GB", **options: Any) -> Agent:
        context = browser.new_context(locale=locale, **{"viewport": WIDE, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        agent = Agent(hub, context)
        if email:
            agent.sign_in(email)
        return agent

    yield opened
    for context in contexts:
        context.close()
