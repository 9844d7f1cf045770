"""The quick start, as a reader pastes it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.scenarios.hub import Hub

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_the_quick_start_buys_as_it_stands(hub: Hub) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    names = {"TENANT": "tenant_id", "CLIENT": "client_id", "SECRET": "client_secret"}
    given = {name: hub.demo["api"][key] for name, key in names.items()}

    done = subprocess.run(
        [sys.executable, "-c", found[1]],
        env={**os.environ, "HUB": hub.base_url, **given},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    bought, waits, link = done.stdout.splitlines()
    assert re.fullmatch(r"Bought: [0-9a-f-]{36}", bought)
    assert waits.startswith("Billing waits for: ")
    assert link.startswith("The customer sets it up at: http")
