"""What programs send about drafts, credits and statements."""

from typing import Any

from rest_framework import serializers

from billing.services.statements import LONGEST_ID

LARGEST_POSITION = 99_999
MOST_LINES = 5000


class InvoiceReasonBody(serializers.Serializer[Any]):
    """Why; it goes on record."""

    reason = serializers.CharField(max_length=500)


class CreditBody(InvoiceReasonBody):
    """`lines` are positions, from 1; without them all that is left of the invoice is credited."""

    lines = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_POSITION),
        max_length=MOST_LINES,
        min_length=1,
        required=False,
        allow_null=True,
    )


class StatementBody(serializers.Serializer[Any]):
    """`csv` is the text of the file: subscriptionId, period (2026-11), quantity, amount before tax, currency."""

    publisherId = serializers.UUIDField()
    statementId = serializers.CharField(max_length=LONGEST_ID)
    csv = serializers.CharField(trim_whitespace=False)
