from subscriptions.models.attention import (
    AttentionItem,
    RankedItem,
    Ranking,
    RenewalNotice,
    TouchedSubscription,
    Triage,
)
from subscriptions.models.cart import Cart, CartLine
from subscriptions.models.confirmation import BillingStart, Gate
from subscriptions.models.customer_page import CustomerPage, LetterTemplate, SetupAnswers
from subscriptions.models.drift import Divergence, DriftCheck
from subscriptions.models.nickname import Nickname
from subscriptions.models.notice import NoticeAttempt
from subscriptions.models.operation import Operation
from subscriptions.models.order import Order, OrderLine
from subscriptions.models.polling import PollSchedule
from subscriptions.models.quote import Quote
from subscriptions.models.reminder import Reminder
from subscriptions.models.renewal import ScheduledRenewal
from subscriptions.models.request import ChangeRequest
from subscriptions.models.subscription import PurchaseToken, SeatTranche, Subscription

__all__ = [
    "AttentionItem",
    "BillingStart",
    "Cart",
    "CartLine",
    "ChangeRequest",
    "CustomerPage",
    "Divergence",
    "DriftCheck",
    "Gate",
    "LetterTemplate",
    "Nickname",
    "NoticeAttempt",
    "Operation",
    "Order",
    "OrderLine",
    "PollSchedule",
    "PurchaseToken",
    "Quote",
    "RankedItem",
    "Ranking",
    "Reminder",
    "RenewalNotice",
    "ScheduledRenewal",
    "SeatTranche",
    "SetupAnswers",
    "Subscription",
    "TouchedSubscription",
    "Triage",
]
