"""All measurements: `python -m bench` names them, `python -m bench all --json DIR` takes them one after the other."""

import argparse
import ast
import subprocess
import sys
from pathlib import Path

from bench.figures import say

HERE = Path(__file__).parent
# What makes each a matter of a minute: enough to see that it works, too little to believe its figures.
SMALL = {
    "polling": "--purchases 300 --slice 16 --seed 500 --rounds 1",
    "lists": "--sizes 1000 2000 --rounds 1 --times 2 --seconds 1",
    "pages": "--sizes 1000 2000 --rounds 1 --times 2",
    "checkout": "--subscriptions 2000 --each 20 --rounds 1",
    "quantity": "--subscriptions 2000 --each 20 --rounds 1",
    "index_tax": "--subscriptions 2000 --changes 1000 --rounds 1",
    "billing": "--subscriptions 2000 --slice 50 --rounds 1",
    "memory": "--sizes 500 1000",
    "export": "--subscriptions 1000 --rounds 1",
    "bulk": "--rows 30 --rounds 1",
    "pdf": "--rounds 1",
    "rendering": "--rounds 1 --times 5",
    "startup": "--rounds 1",
}
# They share the databases that one of them has filled.
SHARING = ("lists", "pages")


def sentence(name: str) -> str:
    """What a measurement says of itself first."""
    told = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8")))
    return (told or "").splitlines()[0].partition(": `")[0].rstrip(".")


def taken(name: str, folder: Path, data: Path | None, *, small: bool) -> bool:
    """One measurement, into `folder`/`name`.json. False when it failed, which it has said itself."""
    given = SMALL[name].split() if small else []
    given += ["--data", str(data)] if data and name in SHARING else []
    say(f"\n{name}: {sentence(name)}")
    command = [sys.executable, "-m", f"bench.{name}", *given, "--json", str(folder / f"{name}.json")]
    return subprocess.run(command, check=False).returncode == 0


def main() -> int:
    given = _arguments()
    if given.what == "list":
        for name in SMALL:
            say(f"python -m bench.{name:<20}{sentence(name)}")
        return 0
    given.json.mkdir(parents=True, exist_ok=True)
    failed = [name for name in given.only or SMALL if not taken(name, given.json, given.data, small=given.small)]
    say(f"\nfailed: {', '.join(failed)}" if failed else "\nall taken")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["list", "all"], default="list")
    parser.add_argument("--json", type=Path, default=Path("bench-results"), help="the folder for what was measured")
    parser.add_argument("--data", type=Path, help="a folder that keeps the databases of lists and pages")
    parser.add_argument("--only", nargs="*", choices=list(SMALL), help="some of them")
    parser.add_argument("--small", action="store_true", help="a minute each: whether they work, not how fast")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
