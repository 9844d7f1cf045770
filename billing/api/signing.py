"""Links to documents that need no token: signed, and good for a while."""

from datetime import datetime, timedelta

from django.core.signing import BadSignature, Signer

from partnerhub.errors import DocumentLinkInvalid

LINK_LIVES = timedelta(minutes=30)
_SIGNER = Signer(salt="billing.api.document")


def signature_of(number: str, until: datetime) -> str:
    """What opens the document of an invoice number until a moment, exclusive."""
    return _SIGNER.sign_object([number, int(until.timestamp())])


def check_signature(signature: str, number: str, at: datetime) -> None:
    """Raise DocumentLinkInvalid unless the signature opens this number's document at this moment."""
    try:
        signed, until = _SIGNER.unsign_object(signature)
    except (BadSignature, ValueError):
        raise DocumentLinkInvalid(invoice=number[:64]) from None
    if signed != number or at.timestamp() >= until:
        raise DocumentLinkInvalid(invoice=number)
