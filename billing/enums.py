"""The words of the ledger and of invoices. Pure: no Django."""

from enum import StrEnum


class ChargeType(StrEnum):
    """Rule 81, as far as this hub charges."""

    NEW = "new"
    CYCLE_CHARGE = "cycleCharge"
    RENEW = "renew"
    ADD_QUANTITY = "addQuantity"
    REMOVE_QUANTITY = "removeQuantity"
    CONVERT = "convert"
    CHANGE_BILLING_PLAN = "changeBillingPlan"
    CANCEL_IMMEDIATE = "cancelImmediate"
    CUSTOMER_CREDIT = "customerCredit"


class InvoiceKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceState(StrEnum):
    """A draft is finalized when its review is over; one that is held waits for somebody. Final: finalized and void."""

    DRAFT = "draft"
    HELD = "held"
    FINALIZED = "finalized"
    VOID = "void"


class TaxReason(StrEnum):
    """Why a line is taxed as it is: at the seller's own rate, at the rate of the buyer's state in the Union, not at all
    because the buyer accounts for it or stands outside the Union, or because the seller owes no VAT.
    """

    DOMESTIC = "domestic"
    DESTINATION = "destination"
    REVERSE_CHARGE = "reverse_charge"
    EXPORT = "export"
    OUT_OF_SCOPE = "out_of_scope"
