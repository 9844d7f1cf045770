"""What the hub is made of, out of its lock: the bill of materials, the page of licences, the reasons."""

import json
import re

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
