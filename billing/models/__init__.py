from billing.models.invoice import BillingRun, Invoice, InvoiceLine, InvoiceSeries
from billing.models.ledger import Account, Charge
from billing.models.statement import Comparison, Statement, StatementLine
from billing.models.tax import ExchangeRate, TaxRate

__all__ = [
    "Account",
    "BillingRun",
    "Charge",
    "Comparison",
    "ExchangeRate",
    "Invoice",
    "InvoiceLine",
    "InvoiceSeries",
    "Statement",
    "StatementLine",
    "TaxRate",
]
