"""docker-compose.yml, read as a document: every queue has a worker, and nothing runs with more than it needs."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from tests.runtime.deployment_tools import fetched

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
QUEUES = {settings.CELERY["task_default_queue"], *(one["queue"] for one in settings.CELERY["task_routes"].values())}
OURS = {name: one for name, one in SERVICES.items() if one.get("image") == "partner-hub"}


def test_every_queue_has_a_worker_and_there_is_one_scheduler():
    commands = [str(one.get("command", "")) for one in OURS.values()]
    taken = {queue for command in commands for found in re.findall(r" -Q (\S+)", command) for queue in found.split(",")}

    assert taken == QUEUES
    assert sum(" beat " in command for command in commands) == 1


def test_everything_is_bounded_and_the_hub_can_write_nothing():
    assert {name: one for name, one in SERVICES.items() if not {"mem_limit", "pids_limit"} <= one.keys()} == {}
    assert {name for name, one in SERVICES.items() if one["security_opt"] != ["no-new-privileges:true"]} == set()
    for name in [*OURS, "proxy"]:
        assert (SERVICES[name]["read_only"], SERVICES[name]["cap_drop"]) == (True, ["ALL"]), name
    assert {name for name, one in SERVICES.items() if one["restart"] == "no"} == {"migrate"}


def test_only_the_proxy_is_reached_from_outside():
    reached = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert reached == {"web": ["127.0.0.1:${HUB_PORT:-8000}:8000"], "proxy": ["80:80", "443:443"]}
    assert "/metrics" in SERVICES["proxy"]["command"][2]


def test_processes_that_hold_connections_are_named_as_their_kind():
    kinds = {name: one["environment"].get("HUB_PROCESS") for name, one in OURS.items() if name != "migrate"}
    assert kinds == {"web": "web", "worker": "worker", "poller": "worker", "scheduler": "scheduler"}


def test_what_reads_compose_files_reads_this_one_and_asks_for_what_is_missing(request: pytest.FixtureRequest):
    tools = fetched(request.config.cache.mkdir("deployment-tools"))
    file = ROOT / "docker-compose.yml"
    given = {"HUB_BASE_URL": "https://hub.example"}

    refused = tools.compose(file, **given)
    read = tools.compose(file, **given, POSTGRES_PASSWORD="made-up")

    assert tools.compose_faults(COMPOSE) == []
    assert tools.compose_faults({**COMPOSE, "service": {}}) != []
    assert refused.returncode != 0
    assert "POSTGRES_PASSWORD is missing a value: Set POSTGRES_PASSWORD in .env" in refused.stderr
    services = yaml.safe_load(read.stdout)["services"]
    assert services["web"]["environment"]["DATABASE_URL"] == "postgres://hub:made-up@db:5432/hub"
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert services.keys() == SERVICES.keys() - {"proxy"}
