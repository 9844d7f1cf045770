"""`manage.py drill [name …]`: run fault drills on throw-away hubs, and tell what came of them."""

import argparse
import json
import os
import random
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from partnerhub.drills.audit import Audit
from partnerhub.drills.catalogue import DRILLS, Stage
from partnerhub.drills.faults import stopwatch
from partnerhub.drills.hub import Hub, free_port
from partnerhub.drills.load import Load
from partnerhub.drills.report import Outcome, document, sentence, summary
from partnerhub.runtime.demo import say
from partnerhub.runtime.supervisor import StopRequested, raise_on_signals


def run(arguments: list[str]) -> int:
    """Run the named drills, or all; 0 when each held, 1 when one did not, 2 for what it does not understand."""
    given = _parser().parse_args(arguments)
    if given.list:
        for name, deed in DRILLS.items():
            say(f"{name:<22}{deed.__doc__}")
        return 0
    if unknown := [name for name in given.names if name not in DRILLS]:
        say(f"There is no drill {', '.join(unknown)}. There are: {', '.join(DRILLS)}.")
        return 2
    raise_on_signals()
    seed = given.seed or str(secrets.randbelow(10**6))
    say(f"Seed {seed}: the same drills again with --seed {seed}.")
    outcomes: list[Outcome] = []
    try:
        for outcome in rehearsed(given.names or list(DRILLS), seed):
            outcomes.append(outcome)
            say(sentence(outcome))
    except StopRequested:
        say("Stopped.")
        return 1
    if given.json:
        given.json.write_text(json.dumps(document(outcomes), indent=1), encoding="utf-8")
    for line in summary(outcomes):
        say(line)
    return 0 if all(outcome.held for outcome in outcomes) else 1


def rehearsed(names: list[str], seed: str) -> Iterator[Outcome]:
    """Run these drills one after another on one hub; after one that failed, on a fresh one."""
    left = list(names)
    while left:
        with thrown_away() as hub:
            while left:
                outcome = rehearse(left.pop(0), hub, seed)
                yield outcome
                if not outcome.held:
                    say(f"Its logs and data stay in {hub.folder.path}.")
                    hub.keep = True
                    break


def rehearse(name: str, hub: Hub, seed: str) -> Outcome:
    """One drill: load, fault, the end of what was under way, the audit."""
    passed, own_seed, deed = stopwatch(), f"{seed}/{name}", DRILLS[name]
    demo = json.loads(hub.folder.demo_file.read_text(encoding="utf-8"))
    load = Load(hub.base_url, demo, f"Drill {name}", own_seed)
    stage = Stage(hub, load, random.Random(own_seed))
    load.start()
    try:
        hub.until(lambda: any(one.opened for one in load.purchases), what="The first purchase")
        deed(stage)
    except Exception as error:  # what a drill did not expect is a finding, and the hub is audited all the same
        stage.problems.append(f"{type(error).__name__}: {error}")
    hub.until(load.is_over, what="Every act is answered")
    finding = Audit(hub, load, stage.slack).run()
    problems = [*stage.problems, *finding.problems]
    return Outcome(name, deed.__doc__ or "", own_seed, finding.figures, passed(), stage.notes, problems)


@contextmanager
def thrown_away() -> Iterator[Hub]:
    """A hub that is forgotten at the end, unless something went wrong: then its folder stays."""
    folder = Path(tempfile.mkdtemp(prefix="partner-hub-drill-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user
    chosen = os.environ.get("HUB_PORT")
    with ExitStack() as ending:
        hub = Hub(folder / "hub", int(chosen) if chosen else free_port())
        ending.enter_context(hub.running())
        yield hub
    if not hub.keep:
        shutil.rmtree(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py drill", description="Break a throw-away hub and audit it.")
    parser.add_argument("names", nargs="*", metavar="name", help="default: all of them")
    parser.add_argument("--list", action="store_true", help="say what each drill does")
    parser.add_argument("--seed", default="", help="of the random moments; printed by each run")
    parser.add_argument("--json", type=Path, help="write everything to this file as well")
    return parser
