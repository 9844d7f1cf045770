"""The words of the ledger. Pure: no Django."""

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
