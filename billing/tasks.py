from celery import shared_task

from accounts.policy import SYSTEM
from billing.invoicing import draft_month, finalize_reviewed, months_to_draft
from billing.services.charging import charge_cycles as charge_all_cycles
from partnerhub.clock import now

# A tick ends long before the broker would hand it to a second worker; the next one goes on.
CHUNKS_A_TICK = 20
INVOICES_A_TICK = 5000


@shared_task
def charge_cycles() -> None:
    charge_all_cycles(SYSTEM, at=now())


@shared_task
def bill() -> None:
    at = now()
    for month in months_to_draft(at.date()):
        draft_month(SYSTEM, month, at=at, chunks=CHUNKS_A_TICK)
    finalize_reviewed(SYSTEM, reviewed_by=at.date(), at=at, limit=INVOICES_A_TICK)
