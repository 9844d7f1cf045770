"""Invoices set as PDF, and typst alone with the same document: `python -m bench.pdf_ways ROUNDS TIMES`.

Drafts and numbers the month of the database first. Prints the seconds a document takes, a pair each round, as JSON.
"""

import json
import sys
import time
from collections.abc import Callable

import django

django.setup()

import typst  # noqa: E402 - once Django is there

from accounts.policy import SYSTEM  # noqa: E402
from bench.charges import BILLED_AT, MONTH  # noqa: E402
from bench.job_ways import numbered  # noqa: E402
from billing.invoicing import draft_month  # noqa: E402
from billing.models import Invoice  # noqa: E402
from billing.pdf import DOCUMENTS, document, lines_of, pdf_of  # noqa: E402


def main() -> None:
    rounds, times = map(int, sys.argv[1:])
    draft_month(SYSTEM, MONTH, at=BILLED_AT)
    numbered()
    invoice = Invoice.objects.order_by("serial")[0]
    given = {"data": json.dumps(document(invoice, lines_of(invoice), invoice.language), ensure_ascii=False)}

    def bare() -> bytes:
        return typst.compile(
            DOCUMENTS / "invoice.typ",
            root=DOCUMENTS,
            ignore_system_fonts=True,
            sys_inputs=given,
            pdf_standards=["a-3b"],
        )

    def ours() -> bytes:
        return pdf_of(Invoice.objects.get(pk=invoice.pk))

    size = len(ours())
    pairs = [(_seconds(ours, times), _seconds(bare, times)) for _ in range(rounds)]
    sys.stdout.write(json.dumps({"pairs": pairs, "lines": invoice.lines.count(), "bytes": size}) + "\n")


def _seconds(made: Callable[[], bytes], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        made()
    return (time.perf_counter() - begun) / times


if __name__ == "__main__":
    main()
