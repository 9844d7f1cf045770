"""Ticks of the scheduler. What is due is told by rows in PostgreSQL: a tick that is lost only delays."""

from celery import shared_task

from accounts.keys import destroy_retired_keys
from accounts.policy import SYSTEM
from partnerhub.clock import now
from publishers.services.secrets import warn_of_endings


@shared_task
def watch_secrets() -> None:
    """Warn of publishers' secrets that end soon, and forget signing keys whose time is over."""
    at = now()
    warn_of_endings(SYSTEM, at=at)
    destroy_retired_keys(at)
