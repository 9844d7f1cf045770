import structlog
from celery import shared_task

from accounts.policy import SYSTEM
from billing import invoicing
from billing.services.charging import charge_cycles as charge_all_cycles
from partnerhub.clock import now
from partnerhub.errors import ClockBehind, SellerIncomplete

log = structlog.get_logger(__name__)

# A tick ends long before the broker would hand it to a second worker; the next one goes on.
CHUNKS_A_TICK = 40
INVOICES_A_TICK = 10_000


@shared_task
def charge_cycles() -> None:
    charge_all_cycles(SYSTEM, at=now())


@shared_task
def bill() -> None:
    at = now()
    try:
        invoicing.bill(SYSTEM, as_of=at.date(), at=at, chunks=CHUNKS_A_TICK, limit=INVOICES_A_TICK)
    except (ClockBehind, SellerIncomplete) as refusal:
        # The pages of billing say it, too; a traceback every few minutes would say no more.
        log.warning("not_billed", code=refusal.code, why=str(refusal))
