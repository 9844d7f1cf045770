"""What happens to invoices, by name; and to a subscription whose charges are credited."""

from partnerhub.outbox.recorder import Fact


class InvoiceFact(Fact):
    stream_type = "invoice"


class InvoiceDrafted(InvoiceFact):
    name = "invoice.drafted"


class InvoiceHeld(InvoiceFact):
    name = "invoice.held"


class InvoiceReleased(InvoiceFact):
    name = "invoice.released"


class InvoiceFinalized(InvoiceFact):
    name = "invoice.finalized"


class InvoiceVoided(InvoiceFact):
    name = "invoice.voided"


class InvoiceCredited(InvoiceFact):
    name = "invoice.credited"


class InvoicePaid(InvoiceFact):
    name = "invoice.paid"


class InvoiceUnpaid(InvoiceFact):
    name = "invoice.unpaid"


class SubscriptionCredited(Fact):
    """Charges of a subscription are credited by a credit note."""

    name = "subscription.credited"
    stream_type = "subscription"


class StatementImported(Fact):
    """A publisher's statement was taken over, or taken over again."""

    name = "statement.imported"
    stream_type = "statement"
