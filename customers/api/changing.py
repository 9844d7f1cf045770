"""Changing a customer by PATCH or PUT: the whole resource may be sent back, and only what differs is a change."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.policy import Actor
from customers.api.bodies import fields_of
from customers.api.shapes import relationship
from customers.models import Customer
from customers.selectors import customer_for
from customers.services.customers import (
    PROFILE_FIELDS,
    CustomerProfile,
    change_customer,
    end_relationship,
    lock_customer,
    resume_relationship,
)
from partnerhub.errors import InvalidInput

RELATIONSHIPS = {"none": end_relationship, "reseller": resume_relationship}
NO_REASON = "No reason was given."


@transaction.atomic
def apply_changes(
    actor: Actor, customer_id: UUID, values: dict[str, Any], *, version: int | None, at: datetime
) -> Customer:
    """Apply what differs, all of it or nothing. Raises what the services raise, and InvalidInput for a relationship
    that this hub has not.
    """
    found = lock_customer(customer_id)
    asked = _relationship_asked(found, values)
    profile, partner_id = _profile_asked(found, values), values.get("associatedPartnerId")
    if partner_id is None:
        partner_id = found.reseller_id or ""
    if asked is None or profile != _profile_of(found) or partner_id != (found.reseller_id or ""):
        change_customer(actor, found.pk, profile, partner_id=partner_id, version=version, at=at)
        version = None  # seen and checked; the change itself has counted it up
    if asked is not None:
        reason = values.get("relationshipReason") or NO_REASON
        RELATIONSHIPS[asked](actor, found.pk, reason=reason, version=version, at=at)
    return customer_for(actor, found.pk)


def _relationship_asked(found: Customer, values: dict[str, Any]) -> str | None:
    asked = (values.get("relationshipToPartner") or "").lower()
    if not asked or asked == relationship(found):
        return None
    if asked not in RELATIONSHIPS:
        raise InvalidInput(field="relationshipToPartner", problem=f"none or reseller is expected, not {asked}")
    return asked


def _profile_of(found: Customer) -> CustomerProfile:
    return CustomerProfile(**{name: getattr(found, name) for name in PROFILE_FIELDS})


def _profile_asked(found: Customer, values: dict[str, Any]) -> CustomerProfile:
    return replace(_profile_of(found), **fields_of(values, found.name))
