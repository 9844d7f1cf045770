"""What the hub is made of: `manage.py sbom` and `licences` out of the lock, `audit` by the advisories known today."""

import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from partnerhub.runtime.bootstrap import ROOT, say

LOCK = ROOT / "requirements.lock"
LICENCES = ROOT / "docs" / "licences.md"
AUDIT_SECONDS = 180
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)
_CLASSIFIER = "License :: OSI Approved :: "
# Of packages that not every system installs: the page must come out the same everywhere.
_ELSEWHERE = {"async-timeout": "Apache-2.0", "colorama": "BSD-3-Clause", "tzdata": "Apache-2.0"}
_HEAD = """\
# Licences

What an installed hub holds besides its own code, out of `requirements.lock`. `python3 manage.py licences` writes this
page, and a test keeps it current. Bold: named by `pyproject.toml`, for the reason in the last column; the others come
with them.

| package | licence | what for |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Package:
    """One line of the lock; `marker` says on which systems it is installed, empty for all."""

    name: str
    version: str
    marker: str

    @property
    def licence(self) -> str:
        """As the package itself says: an SPDX expression where it has one, else its own words, cut."""
        if self.name in _ELSEWHERE:
            return _ELSEWHERE[self.name]
        told = metadata.metadata(self.name)
        classified = [one.removeprefix(_CLASSIFIER) for one in told.get_all("Classifier") or () if _CLASSIFIER in one]
        given = [*(told.get_all("License-Expression") or ()), ", ".join(classified), *(told.get_all("License") or ())]
        said = next(filter(None, given), "not said")
        return said.strip().splitlines()[0][:80].replace("|", "/")


def packages() -> list[Package]:
    """Everything that the lock names, by name."""
    return [Package(*found) for found in _PINNED.findall(LOCK.read_text(encoding="utf-8"))]


def reasons() -> dict[str, str]:
    """What each package that pyproject.toml names is for, from its table `tool.partnerhub.reasons`."""
    told: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["partnerhub"]["reasons"]
    return told


def named() -> set[str]:
    """The packages that pyproject.toml itself asks for, to run or to bring its own servers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["embedded"]]
    return {re.split(r"[\[<>=!~; ]", one)[0].lower() for one in asked}


def table() -> str:
    """The page of licences."""
    why = reasons()
    lines = [
        (f"**{one.name}**" if one.name in why else one.name, one.licence, why.get(one.name, "")) for one in packages()
    ]
    return _HEAD + "".join(f"| {name} | {licence} | {reason} |\n" for name, licence, reason in lines)


def document() -> dict[str, Any]:
    """The software bill of materials, CycloneDX 1.6. The same lock gives the same document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, LOCK.read_text(encoding="utf-8")).urn,
        "version": 1,
        "metadata": {"component": _component("application", project["name"], project["version"])},
        "components": list(_components()),
    }


def _components() -> Iterator[dict[str, Any]]:
    for one in packages():
        made = _component("library", one.name, one.version) | {"licenses": [{"license": {"name": one.licence}}]}
        if one.marker:
            made["properties"] = [{"name": "partnerhub:marker", "value": one.marker}]
        yield made


def _component(kind: str, name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def sbom(arguments: list[str]) -> int:
    """Write the bill of materials into the named file, or to standard output."""
    text = json.dumps(document(), indent=1)
    if arguments:
        Path(arguments[0]).write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0


def licences(_arguments: list[str]) -> int:
    """Write the page of licences."""
    LICENCES.write_text(table(), encoding="utf-8")
    print(f"Wrote {LICENCES.relative_to(ROOT)}")
    return 0


def audit(_arguments: list[str]) -> int:
    """Ask pip-audit about every package of the lock: 1 when it knows something against one, 0 also when nobody could
    be asked within AUDIT_SECONDS: a network that is away says nothing about the hub. Whom to ask is said by the
    variables of pip-audit: PIP_AUDIT_VULNERABILITY_SERVICE, PIP_AUDIT_OSV_URL.
    """
    with tempfile.TemporaryDirectory(prefix="partner-hub-audit-") as name:
        folder, ends = Path(name), time.monotonic() + AUDIT_SECONDS
        programs, report = folder / "venv" / "bin", folder / "report.json"
        pip = [str(programs / "pip"), "install", "--quiet", "--retries", "0", "pip-audit"]
        asked = [str(programs / "pip-audit"), "--requirement", str(LOCK), "--disable-pip", "--format", "json"]
        for command in (
            [sys.executable, "-m", "venv", str(folder / "venv")],
            pip,
            [*asked, "--output", str(report), "--timeout", "5", "--progress-spinner", "off"],
        ):
            if not _ends_in_time(command, ends) and not report.exists():
                say("Advisories could not be asked for; no package was audited.")
                return 0
        return _told(json.loads(report.read_text(encoding="utf-8")))


def _ends_in_time(command: list[str], ends: float) -> bool:
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, timeout=max(1.0, ends - time.monotonic()), cwd=ROOT
        )
    except (subprocess.TimeoutExpired, OSError):
        return False
    return done.returncode == 0


def _told(report: dict[str, Any]) -> int:
    audited = [one for one in report["dependencies"] if "skip_reason" not in one]
    known = [one for one in audited if one["vulns"]]
    for one in known:
        say(f"{one['name']} {one['version']}: {', '.join(map(_advisory, one['vulns']))}")
    for one in report["dependencies"]:
        if one not in audited:
            say(f"{one['name']} was not audited: {one['skip_reason']}")
    if not known:
        say(f"Nothing is known against {len(audited)} packages of {LOCK.name}.")
    return 1 if known else 0


def _advisory(found: dict[str, Any]) -> str:
    fixed = ", ".join(found["fix_versions"])
    return f"{found['id']} (fixed in {fixed})" if fixed else f"{found['id']} (not fixed yet)"
