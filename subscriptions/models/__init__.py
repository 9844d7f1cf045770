from subscriptions.models.cart import Cart, CartLine
from subscriptions.models.confirmation import BillingStart, Gate
from subscriptions.models.operation import Operation
from subscriptions.models.order import Order, OrderLine
from subscriptions.models.polling import PollSchedule
from subscriptions.models.subscription import PurchaseToken, SeatTranche, Subscription

__all__ = [
    "BillingStart",
    "Cart",
    "CartLine",
    "Gate",
    "Operation",
    "Order",
    "OrderLine",
    "PollSchedule",
    "PurchaseToken",
    "SeatTranche",
    "Subscription",
]
