"""What the hub is made of, out of its lock: the bill of materials, the page of licences, the reasons."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from partnerhub.runtime import supply


def test_the_page_of_licences_is_current_and_each_dependency_has_its_reason():
    assert supply.LICENCES.read_text(encoding="utf-8") == supply.table(), "run `manage.py licences`"
    assert set(supply.reasons()) == supply.named()
    assert [one.name for one in supply.packages() if one.licence == "not said"] == []


def test_the_bill_of_materials_names_every_package_of_the_lock(tmp_path):
    assert supply.sbom([str(tmp_path / "sbom.json")]) == 0
    told = json.loads((tmp_path / "sbom.json").read_text())
    django = next(one for one in told["components"] if one["name"] == "django")

    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert len(told["components"]) == len(re.findall(r"^\S+==", supply.LOCK.read_text(), re.MULTILINE))
    assert django["purl"] == f"pkg:pypi/django@{django['version']}"
    assert django["licenses"] == [{"license": {"name": "BSD-3-Clause"}}]


def finding(*fixed: str) -> dict:
    return {"id": "PYSEC-2026-1", "fix_versions": list(fixed), "aliases": [], "description": "Bad"}


@pytest.mark.parametrize(
    ("dependencies", "status", "told"),
    [
        ([{"name": "django", "version": "5.2.19", "vulns": []}], 0, ["Nothing is known against 1 packages"]),
        (
            [{"name": "polib", "skip_reason": "not found"}],
            0,
            ["polib was not audited: not found", "against 0 packages"],
        ),
        (
            [
                {"name": "django", "version": "5.2.19", "vulns": [finding("5.2.20", "6.0.1")]},
                {"name": "polib", "version": "1.2", "vulns": [finding()]},
            ],
            1,
            ["django 5.2.19: PYSEC-2026-1 (fixed in 5.2.20, 6.0.1)", "polib 1.2: PYSEC-2026-1 (not fixed yet)"],
        ),
    ],
)
def test_what_is_known_against_a_package_fails_the_audit_and_is_named(dependencies, status, told, capsys):
    assert supply._told({"dependencies": dependencies, "fixes": []}) == status
    shown = "".join(capsys.readouterr())
    assert [one for one in told if one not in shown] == []


@contextmanager
def advisories(package: str, fixed: str) -> Iterator[str]:
    """The address of a service of advisories, in the shape of OSV, that knows something against one package."""

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
            affected = {"package": asked, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": fixed}]}]}
            known = [{"id": "PYSEC-2026-1", "affected": [affected]}] if asked["name"] == package else []
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"vulns": known} if known else {}).encode())

        def log_message(self, *_told: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.exhaustive
@pytest.mark.timeout(400)
def test_the_audit_asks_a_service_of_advisories_and_outlives_one_that_is_away(monkeypatch, capsys):
    """With pip-audit itself, which is installed for it: nothing can be said where no package index is reached."""
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    with advisories("django", "99.1") as address:
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", address)
        status, shown = supply.audit([]), "".join(capsys.readouterr())
    if "no package was audited" in shown:
        pytest.skip("pip-audit cannot be installed from here")
    assert (status, re.search(r"django \S+: PYSEC-2026-1 \(fixed in 99\.1\)", shown) is not None) == (1, True)

    assert supply.audit([]) == 0  # the service is away now
    assert "no package was audited" in "".join(capsys.readouterr())
