"""The note that an invoice was paid."""

from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, Actor, authorize, who_can
from billing.api import examples, shapes
from billing.api.shapes import Payment
from billing.api.views import READERS
from billing.issued import issued_for
from billing.models import Invoice
from billing.services.invoices import mark_paid, mark_unpaid
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import operation
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, InvoiceStateForbids, NotFound, NotPermitted


class PaymentBody(serializers.Serializer[Any]):
    """`reference` as on the bank statement; `reason` says why it is not paid after all."""

    isPaid = serializers.BooleanField()
    reference = serializers.CharField(max_length=200, required=False, allow_null=True, allow_blank=True)
    reason = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)


class InvoicePayment(Resource):
    @operation(
        "getInvoicePayment",
        "Whether it was paid",
        Payment,
        roles=READERS,
        refusals=(NotPermitted, NotFound),
        answer=examples.UNPAID,
    )
    def get(self, request: Request, invoice_id: str) -> Response:
        return Response(shapes.payment(issued_for(caller(request), invoice_id)))

    @operation(
        "noteInvoicePayment",
        "Note that it was paid, or take that back",
        Payment,
        body=PaymentBody,
        about=(
            "Nothing is collected. What is so already is left alone; another reference is refused until the payment "
            "was taken back. `reason` is needed for taking it back."
        ),
        roles=who_can(Action.INVOICE_MANAGE),
        refusals=(NotPermitted, NotFound, InvalidInput, InvoiceStateForbids),
        example=examples.PAYMENT,
        answer=examples.PAID,
    )
    @idempotent
    def put(self, request: Request, invoice_id: str) -> Response:
        actor, found = caller(request), issued_for(caller(request), invoice_id)
        authorize(actor, Action.INVOICE_MANAGE)
        values = checked(PaymentBody(data=body_of(request)))
        _note(actor, found, values, now())
        return Response(shapes.payment(issued_for(actor, invoice_id)))


def _note(actor: Actor, found: Invoice, values: dict[str, Any], at: datetime) -> None:
    reference, reason = ((values.get(name) or "").strip() for name in ("reference", "reason"))
    was_paid, is_paid = found.paid_at is not None, values["isPaid"]
    if is_paid and not (was_paid and reference in ("", found.payment_reference)):
        mark_paid(actor, found.pk, reference=reference, at=at)
    if was_paid and not is_paid:
        if not reason:
            raise InvalidInput(field="reason", problem="it is needed for taking a payment back")
        mark_unpaid(actor, found.pk, reason=reason, at=at)
