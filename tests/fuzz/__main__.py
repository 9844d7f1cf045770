"""Coverage-guided fuzzing of the parsers: `python -m tests.fuzz [PARSER ...] [--seconds 10]`.

Needs `pip install atheris`, which is no dependency of the hub; what is not named is run one after the other. The first
input that breaks a parser ends it and is shown: it belongs among that parser's seeds.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

import atheris
import django

os.environ.setdefault("HUB_ENV", "test")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partnerhub.settings")
OURS = ["partnerhub", "accounts", "customers", "publishers", "subscriptions", "billing"]
with atheris.instrument_imports(include=[*OURS, "csv", "json", "zipfile"]):
    django.setup()
    from tests.fuzz.parsers import PARSERS


def fuzz(name: str, seconds: int) -> None:
    """Run one parser until the time is over; libFuzzer then ends the process."""
    parse, seeds = PARSERS[name]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        os.chdir(folder)  # where libFuzzer leaves what it finds
        given = [sys.argv[0], folder, f"-max_total_time={seconds}", "-timeout=10", "-max_len=4096", "-verbosity=0"]
        atheris.Setup([*given, "-print_final_stats=1"], parse)
        atheris.Fuzz()


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz")
    arguments.add_argument("parsers", nargs="*", choices=[[], *PARSERS])
    arguments.add_argument("--seconds", type=int, default=10, help="for each parser")
    given, broken = arguments.parse_args(), []
    for name in given.parsers or PARSERS:
        print(f"{name}:", flush=True)
        process = multiprocessing.Process(target=fuzz, args=[name, given.seconds])
        process.start()
        process.join()
        if process.exitcode:
            broken.append(name)
    print(f"Broken: {', '.join(broken)}" if broken else f"{len(given.parsers or PARSERS)} parsers hold.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
