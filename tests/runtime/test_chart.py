"""The Helm chart, rendered by helm and read as documents: what docker-compose.yml starts, it starts the same way."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.runtime.deployment_tools import Tools, documents, fetched
from tests.runtime.test_compose import OURS, QUEUES

ROOT = Path(__file__).parents[2]
CHART = ROOT / "docs" / "helm" / "partner-hub"


@pytest.fixture(scope="module")
def tools(request: pytest.FixtureRequest) -> Tools:
    return fetched(request.config.cache.mkdir("deployment-tools"))


@pytest.fixture(scope="module")
def rendered(tools: Tools) -> list[dict[str, Any]]:
    assert (linted := tools.helm("lint", "--strict", CHART)).returncode == 0, linted.stdout
    made = tools.helm("template", "hub", CHART)
    assert made.returncode == 0, made.stderr
    return documents(made.stdout)


def pods(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By process, the only container's pod."""
    found = [one["spec"]["template"]["spec"] for one in rendered if one["kind"] in ("Deployment", "Job")]
    assert [len(one["containers"]) for one in found] == [1] * len(found)
    return {one["containers"][0]["name"]: one for one in found}


def test_kubernetes_knows_every_word_of_it(tools, rendered):
    assert {f"{one['kind']}/{one['metadata']['name']}": tools.kubernetes_faults(one) for one in rendered} == {
        f"{kind}/{name}": []
        for kind, name in [
            *[("Deployment", f"hub-{name}") for name in ("web", "worker", "poller", "scheduler")],
            *[("PodDisruptionBudget", f"hub-{name}") for name in ("web", "worker", "poller")],
            *[("Service", "hub-web"), ("Service", "hub-nobody"), ("Ingress", "hub"), ("Job", "hub-migrate")],
            *[("HorizontalPodAutoscaler", "hub-web"), ("NetworkPolicy", "hub"), ("NetworkPolicy", "hub-web")],
        ]
    }
    broken = rendered[0] | {"specification": {}}
    assert "specification" in tools.kubernetes_faults(broken)[0]


def test_compose_and_chart_start_the_same_processes_under_the_same_names(rendered):
    ours = {name: one["containers"][0] for name, one in pods(rendered).items()}
    variables = {name: {one["name"]: one["value"] for one in container["env"]} for name, container in ours.items()}

    assert {name: " ".join(one.get("args", [])) for name, one in ours.items()} == {
        name: one.get("command", "") for name, one in OURS.items()
    }
    for name, service in OURS.items():
        assert variables[name].get("HUB_PROCESS") == service["environment"].get("HUB_PROCESS"), name
        assert service["environment"].keys() - variables[name].keys() == {"DATABASE_URL", "REDIS_URL"}, name
    known = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set().union(*variables.values()) - known == set()
    assert {queue for one in yaml.safe_load((CHART / "values.yaml").read_text())["workers"].values()
            for queue in one["queue"].split(",")} == QUEUES  # fmt: skip


def test_nothing_runs_with_more_than_it_needs(rendered):
    for name, pod in pods(rendered).items():
        container = pod["containers"][0]
        assert pod["automountServiceAccountToken"] is False, name
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001), name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["envFrom"] == [{"secretRef": {"name": "partner-hub"}}]
        assert container["resources"].keys() == {"requests", "limits"}
    assert "10001" in (ROOT / "Containerfile").read_text()


def test_one_scheduler_migrations_first_and_nobody_behind_the_metrics(rendered):
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in rendered}
    scheduler = by_name["Deployment", "hub-scheduler"]["spec"]
    paths = by_name["Ingress", "hub"]["spec"]["rules"][0]["http"]["paths"]

    assert (scheduler["replicas"], scheduler["strategy"]) == (1, {"type": "Recreate"})
    assert by_name["Job", "hub-migrate"]["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert {one["path"]: one["backend"]["service"]["name"] for one in paths} == {
        "/metrics": "hub-nobody",
        "/": "hub-web",
    }
    assert "selector" not in by_name["Service", "hub-nobody"]["spec"]
    assert by_name["Ingress", "hub"]["spec"]["tls"] == [{"hosts": ["hub.example"], "secretName": "partner-hub-tls"}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("environment.DATABASE_URL=postgres://hub:secret@db/hub", "'DATABASE_URL'"),
        ("web.replica=3", "additional properties 'replica' not allowed"),
        ("host=https://hub.example", "does not match pattern"),
        ("scheduler.replicas=2", "additional properties 'replicas' not allowed"),
    ],
)
def test_a_secret_among_the_values_and_a_slip_are_refused(tools, given, said):
    made = tools.helm("template", "hub", CHART, "--set", given)

    assert made.returncode != 0
    assert said in made.stderr


def test_the_chart_has_the_version_of_the_hub():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == version
