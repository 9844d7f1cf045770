"""Taking on indirect resellers, changing them, and suspending them."""

import re
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.policy import Action, Actor, authorize_for_all
from customers.events import ResellerChanged, ResellerCreated, ResellerReinstated, ResellerSuspended
from customers.models import IndirectReseller
from customers.services.checks import check_country, check_reason, check_row, check_text, check_version, differences
from partnerhub.errors import InvalidInput, NotFound, PartnerIdTaken, ResellerIsProvider
from partnerhub.outbox.recorder import record


@transaction.atomic
def create_reseller(
    actor: Actor, *, partner_id: str, name: str, country: str, agreement_signed_at: datetime | None, at: datetime
) -> IndirectReseller:
    """Take on an indirect reseller; until its agreement is signed no purchase may name it (rule 85).

    Raises ResellerIsProvider for our own PartnerID, PartnerIdTaken, and InvalidInput.
    """
    authorize_for_all(actor, Action.CUSTOMER_MANAGE)
    if partner_id == settings.HUB_PARTNER_ID:
        raise ResellerIsProvider(partner_id=partner_id)
    if not re.fullmatch(r"[0-9]{4,16}", partner_id):
        raise InvalidInput(field="partner_id", problem=f"{partner_id[:50]!r} is not a number of 4 to 16 digits.")
    _check_values(name, country, agreement_signed_at, at)
    reseller = IndirectReseller(
        partner_id=partner_id, name=name, country=country, agreement_signed_at=agreement_signed_at
    )
    _insert(reseller)
    record(ResellerCreated(stream_of(partner_id), {"partner_id": partner_id, "name": name}), actor=actor, at=at)
    return reseller


@transaction.atomic
def change_reseller(
    actor: Actor,
    partner_id: str,
    *,
    name: str,
    country: str,
    agreement_signed_at: datetime | None,
    version: int | None,
    at: datetime,
) -> IndirectReseller:
    """Replace what is known of a reseller; its PartnerID stays. What is the same stays, and nothing is recorded.

    Raises NotFound, NotPermitted, StaleVersion and InvalidInput.
    """
    authorize_for_all(actor, Action.CUSTOMER_MANAGE)
    reseller = _lock(partner_id)
    check_version(reseller.version, version)
    _check_values(name, country, agreement_signed_at, at)
    signed = reseller.agreement_signed_at
    if signed is not None and agreement_signed_at is not None and signed.date() == agreement_signed_at.date():
        agreement_signed_at = signed  # people know the day; the moment that came in by a program stays
    wanted = {"name": name, "country": country, "agreement_signed_at": agreement_signed_at}
    before, after = differences(reseller, wanted)
    if not after:
        return reseller
    for field in after:
        setattr(reseller, field, wanted[field])
    check_row(reseller)
    _save_changed(reseller, *after)
    data = {"partner_id": partner_id, "before": before, "after": after}
    record(ResellerChanged(stream_of(partner_id), data), actor=actor, at=at)
    return reseller


@transaction.atomic
def suspend_reseller(
    actor: Actor, partner_id: str, *, reason: str, version: int | None, at: datetime
) -> IndirectReseller:
    """Let no purchase and no change name a reseller until it is reinstated (rule 86). A suspended one stays so.

    Raises NotFound, NotPermitted, StaleVersion, and InvalidInput without a reason of 1 to 500 characters.
    """
    authorize_for_all(actor, Action.CUSTOMER_MANAGE)
    reseller = _lock(partner_id)
    check_version(reseller.version, version)
    check_reason(reason)
    if reseller.suspended_at is None:
        reseller.suspended_at = at
        _save_changed(reseller, "suspended_at")
        record(ResellerSuspended(stream_of(partner_id), {"partner_id": partner_id}, reason), actor=actor, at=at)
    return reseller


@transaction.atomic
def reinstate_reseller(
    actor: Actor, partner_id: str, *, reason: str, version: int | None, at: datetime
) -> IndirectReseller:
    """Let purchases name a suspended reseller again. Raises as `suspend_reseller` does."""
    authorize_for_all(actor, Action.CUSTOMER_MANAGE)
    reseller = _lock(partner_id)
    check_version(reseller.version, version)
    check_reason(reason)
    if reseller.suspended_at is not None:
        reseller.suspended_at = None
        _save_changed(reseller, "suspended_at")
        record(ResellerReinstated(stream_of(partner_id), {"partner_id": partner_id}, reason), actor=actor, at=at)
    return reseller


def stream_of(partner_id: str) -> UUID:
    """The stream of a reseller's events."""
    return uuid5(NAMESPACE_URL, f"partnerhub:reseller:{partner_id}")


def _check_values(name: str, country: str, agreement_signed_at: datetime | None, at: datetime) -> None:
    check_text({"name": name})
    check_country(country)
    if agreement_signed_at is not None and agreement_signed_at > at:
        raise InvalidInput(field="agreement_signed_at", problem=f"{agreement_signed_at:%Y-%m-%d} has not come yet.")


def _lock(partner_id: str) -> IndirectReseller:
    reseller = IndirectReseller.objects.select_for_update().filter(pk=partner_id).first()
    if reseller is None:
        raise NotFound(what="reseller", id=partner_id)
    return reseller


def _insert(reseller: IndirectReseller) -> None:
    """Insert the row. Raises PartnerIdTaken, also when another request took it in the same moment."""
    if IndirectReseller.objects.filter(pk=reseller.pk).exists():
        raise PartnerIdTaken(partner_id=reseller.pk)
    check_row(reseller)
    try:
        with transaction.atomic():
            reseller.save(force_insert=True)
    except IntegrityError:
        raise PartnerIdTaken(partner_id=reseller.pk) from None


def _save_changed(reseller: IndirectReseller, *changed: str) -> None:
    reseller.version += 1
    reseller.save(update_fields=[*changed, "version"])
