"""Check a report of `manage.py verify_ledger --report FILE` anywhere: `python3 verify_report.py FILE`.

It needs nothing but Python 3.11. It recomputes every hash, follows the chains, and adds up the invoices from their
charges. Exit 1 names the first row that does not hold.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "TND": 3}
Row = dict[str, Any]


def digest(content: Row, previous_hash: str) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous_hash}\n{canonical}".encode()).hexdigest()


def chain_faults(kind: str, rows: list[Row], place: Any) -> Iterator[str]:
    """`place` tells of a row's content its stream and its number there."""
    last: dict[Any, tuple[int, str]] = {}
    for row in rows:
        stream, number = place(row["content"])
        before = last.get(stream, (0, ""))
        name = f"{kind} {row['content']['id']}"
        if number != before[0] + 1:
            yield f"{name}: number {number} does not follow {before[0]}"
        if row["previous_hash"] != before[1]:
            yield f"{name}: does not continue the chain"
        if digest(row["content"], row["previous_hash"]) != row["hash"]:
            yield f"{name}: its content does not match its hash"
        last[stream] = (number, row["hash"])


def charge_faults(charges: dict[str, Row], events: set[str]) -> Iterator[str]:
    left = {key: Decimal(row["content"]["amounts"][2]) for key, row in charges.items()}
    for key, row in charges.items():
        content = row["content"]
        if content["cause"] not in events:
            yield f"charge {key}: its event is missing"
        if content["reverses"]:
            left[content["reverses"]] = left.get(content["reverses"], Decimal(0)) + Decimal(content["amounts"][2])
    for key, amount in left.items():
        if key not in charges:
            yield f"charge {key}: it is credited, and missing"
        elif amount < 0 and not charges[key]["content"]["reverses"]:
            yield f"charge {key}: more is credited than was charged"


def invoice_faults(invoices: list[Row], charges: dict[str, Row]) -> Iterator[str]:
    billed: set[str] = set()
    for row in invoices:
        content = row["content"]
        name, digits = f"invoice {content['number'][1]}", DIGITS.get(content["currency"], 2)
        net = tax = Decimal(0)
        for line in content["lines"]:
            key, charge_hash = line["charge"]
            charge = charges.get(key)
            wanted = [content["customer"], content["currency"], line["net"]]
            if charge is None or charge["hash"] != charge_hash or _owed(charge["content"]) != wanted:
                yield f"{name}: line {line['position']} is not its charge"
            if key in billed:
                yield f"{name}: the charge of line {line['position']} is billed twice"
            billed.add(key)
            rate, taxed = (Decimal(value) for value in line["tax"][:2])
            if taxed != (Decimal(line["net"]) * rate / 100).quantize(Decimal(1).scaleb(-digits), ROUND_DOWN):
                yield f"{name}: the tax of line {line['position']} is not {rate} %"
            net, tax = net + Decimal(line["net"]), tax + taxed
        if [net, tax, net + tax] != [Decimal(amount) for amount in content["amounts"]]:
            yield f"{name}: its lines do not add up to it"


def _owed(charge: Row) -> list[str]:
    return [charge["customer"], charge["currency"], charge["amounts"][2]]


def faults(report: Row) -> Iterator[str]:
    """Everything that does not hold, the hub's own findings first."""
    yield from (f"{fault['row']}: {fault['problem']}" for fault in report["outcome"]["faults"])
    yield from chain_faults("event", report["events"], lambda one: (one["stream"][1], one["stream"][2]))
    yield from chain_faults("charge", report["charges"], lambda one: (one["subscription"], one["sequence"]))
    yield from chain_faults("invoice", report["invoices"], lambda one: (one["kind"], one["number"][0]))
    charges = {row["content"]["id"]: row for row in report["charges"]}
    yield from charge_faults(charges, {row["content"]["id"] for row in report["events"]})
    yield from invoice_faults(report["invoices"], charges)


def main(path: str) -> int:
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    first = next(faults(report), None)
    counts = ", ".join(f"{len(report[name])} {name}" for name in ("events", "charges", "invoices"))
    sys.stdout.write(f"first bad row: {first}\n" if first else f"The report holds: {counts}.\n")
    return 1 if first else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
