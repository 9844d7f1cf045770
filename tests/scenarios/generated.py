"""Clients that two generators make out of the hub's own document, called alike: an operation, a body, parameters."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_type_hints

Body = dict[str, Any]
# Answers with the status where the client tells it (0 where not) and the answer as JSON has it.
Call = Callable[..., tuple[int, Any]]

BIN = Path(sys.executable).parent
# The first generator knows bytes by this name only, and formats with a tool that its own users have.
CONFIGURATION = "content_type_overrides:\n  application/pdf: application/octet-stream\npost_hooks: []\n"


@contextmanager
def with_openapi_python_client(document: Path, folder: Path, base_url: str, token: str) -> Iterator[Call]:
    """attrs and httpx; headers are arguments."""
    configuration = folder / "openapi-python-client.yaml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    options = ["--config", configuration, "--meta", "none", "--fail-on-warning"]
    _generate(
        folder, "openapi-python-client", "generate", "--path", document, "--output-path", folder / "first", *options
    )
    client = importlib.import_module("first.client").AuthenticatedClient(
        base_url, token, raise_on_unexpected_status=True
    )
    files = folder.glob("first/api/*/*.py")
    modules = {file.stem: ".".join(file.relative_to(folder).with_suffix("").parts) for file in files}

    def call(operation: str, body: Body | None = None, **parameters: Any) -> tuple[int, Any]:
        function = importlib.import_module(modules[operation]).sync_detailed
        if body is not None:
            model = _model(get_type_hints(function)["body"], lambda kind: hasattr(kind, "from_dict"))
            parameters["body"] = model.from_dict(body)
        named = {name if name in get_type_hints(function) else f"{name}_": value for name, value in parameters.items()}
        answer = function(client=client, **named)
        shown = answer.parsed
        return int(answer.status_code), shown.to_dict() if hasattr(shown, "to_dict") else shown

    with client:
        yield call


@contextmanager
def with_clientele(document: Path, folder: Path, base_url: str, token: str) -> Iterator[Call]:
    """pydantic and httpx2; no headers."""
    _generate(folder, "clientele", "start-api", "--file", document, "--output", folder / "second")
    module = importlib.import_module("second.client")
    configuration = importlib.import_module("second.config").Config
    module.client.configure(
        config=configuration(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30.0)
    )

    def call(operation: str, body: Body | None = None, **parameters: Any) -> tuple[int, Any]:
        function = getattr(module, operation)
        if body is not None:
            model = get_type_hints(function)["data"]
            parameters["data"] = model.model_validate(body)
        shown = function(**parameters)
        refused = type(shown).__name__ == "Problem"
        return 400 * refused, shown.model_dump(mode="json", by_alias=True, exclude_unset=True)

    try:
        yield call
    finally:
        module.client.close()


def _generate(folder: Path, program: str, *arguments: str | Path) -> None:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    command = [BIN / program, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search("warning|error", done.stdout + done.stderr, re.IGNORECASE), done.stdout + done.stderr


def _model(hint: Any, fits: Callable[[Any], bool]) -> Any:
    return next(kind for kind in getattr(hint, "__args__", (hint,)) if fits(kind))
