"""The documents of invoices: for whoever may read them, or holds a signed link."""

from typing import Annotated

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.api import caller
from billing.api.signing import check_signature
from billing.api.views import READERS
from billing.issued import issued_by_number, issued_for
from billing.models import Invoice
from billing.pdf import LANGUAGES, file_name, pdf_of
from partnerhub.api.schema import operation
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import DocumentLinkInvalid, NotFound, NotPermitted

PDF = "application/pdf"


class Statement(Resource):
    def check_permissions(self, request: Request) -> None:
        """A signed link is all that its holder needs; logs leave out what is called token."""
        if "token" not in request.query_params:
            super().check_permissions(request)

    @operation(
        "getInvoiceStatement",
        "The document",
        Annotated[str, "binary"],
        media_type=PDF,
        query={
            "language": "`en` or `pl`; that of the customer when absent.",
            "token": "From an invoice's `pdfDownloadLink`, which works without a bearer token.",
        },
        about="A PDF, always the same of the same invoice.",
        roles=READERS,
        refusals=(NotPermitted, NotFound, DocumentLinkInvalid),
    )
    def get(self, request: Request, invoice_id: str) -> HttpResponse:
        found = _signed_or_visible(request, invoice_id)
        language = request.query_params.get("language", "")
        response = HttpResponse(pdf_of(found, language if language in LANGUAGES else ""), content_type=PDF)
        response["Content-Disposition"] = f'attachment; filename="Invoice_{file_name(found)}"'
        return response


def _signed_or_visible(request: Request, invoice_id: str) -> Invoice:
    token = request.query_params.get("token")
    if token is None:
        return issued_for(caller(request), invoice_id)
    check_signature(token, invoice_id, now())
    return issued_by_number(invoice_id)
