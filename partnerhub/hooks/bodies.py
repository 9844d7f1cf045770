"""What a delivery says, as the dialect spells it."""

import json
from datetime import UTC, datetime

from django.conf import settings


def body(name: str, resource: str, uri: str, audit_uri: str | None, at: datetime) -> str:
    """The JSON that is sent and signed; `uri` and `audit_uri` are relative and without `/v1`."""
    return json.dumps(
        {
            "EventName": name,
            "ResourceUri": _absolute(uri),
            "ResourceName": resource,
            "AuditUri": audit_uri and _absolute(audit_uri),
            "ResourceChangeUtcDate": at.astimezone(UTC).isoformat(),
        }
    )


def _absolute(uri: str) -> str:
    return f"{settings.HUB_BASE_URL}/v1{uri}"
