"""The dashboard and the alert rules that come with the hub speak only of metrics that there are."""

import json
import re
from pathlib import Path

import yaml

GRAFANA = Path(__file__).resolve().parents[2] / "docs" / "grafana"
DOCUMENT = GRAFANA.parent / "observability.md"
SUFFIX = re.compile(r"_(?:count|sum)$")
ALERTS = [rule for group in yaml.safe_load((GRAFANA / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((GRAFANA / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [rule["expr"] for rule in ALERTS] + [one["expr"] for panel in PANELS for one in panel["targets"]]


def documented() -> dict[str, set[str]]:
    """The labels of each metric, by the table that another test holds against what is scraped."""
    rows = re.findall(r"^\| `(hub_\w+)` \| ([^|]*)\|", DOCUMENT.read_text(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def named(text: str) -> set[str]:
    return {SUFFIX.sub("", name) if "call_seconds" in name else name for name in re.findall(r"\bhub_\w+", text)}


def test_every_expression_names_metrics_and_labels_that_exist():
    known = documented()
    for expression in EXPRESSIONS:
        assert named(expression) <= set(known), expression
        assert named(expression), expression
        assert is_balanced(expression), expression
        for name, matchers in re.findall(r"\b(hub_\w+)\{([^}]*)\}", expression):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) - {"instance"}
            assert labels <= known[named(name).pop()], expression


def test_every_metric_is_on_the_dashboard():
    shown = {name for panel in PANELS for one in panel["targets"] for name in named(one["expr"])}
    assert shown | {"hub_build_info"} == set(documented())


def test_alerts_are_named_once_and_tell_how_bad_and_what():
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"page", "warn"}
        assert rule["annotations"]["summary"].endswith(".")
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))
        assert f"`{rule['alert']}`" in DOCUMENT.read_text()


def test_panels_do_not_lie_on_each_other():
    taken = [
        (x, y)
        for spot in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(spot["x"], spot["x"] + spot["w"])
        for y in range(spot["y"], spot["y"] + spot["h"])
    ]
    assert len(taken) == len(set(taken))
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def is_balanced(expression: str) -> bool:
    expected: list[str] = []
    for character in re.sub(r'"[^"]*"', "", expression):
        if character in "([{":
            expected.append({"(": ")", "[": "]", "{": "}"}[character])
        elif character in ")]}" and (not expected or expected.pop() != character):
            return False
    return not expected
