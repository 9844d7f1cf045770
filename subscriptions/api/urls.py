from django.urls import path

from subscriptions.api import (
    audit,
    catalogue,
    changing,
    divergences,
    publishers,
    purchases,
    reminding,
    transitions,
    views,
)

CUSTOMER = "customers/<str:customer_id>"
PRODUCT = f"{CUSTOMER}/products/<str:product_id>"
SKU = f"{PRODUCT}/skus/<str:sku_id>"
CART = f"{CUSTOMER}/carts/<str:cart_id>"
ORDER = f"{CUSTOMER}/orders/<str:order_id>"
SUBSCRIPTION = f"{CUSTOMER}/subscriptions/<str:subscription_id>"

urlpatterns = [
    path("publishers/<str:publisher_id>/health", publishers.PublisherHealthById.as_view()),
    path("auditrecords", audit.AuditRecords.as_view()),
    path("auditrecords/<str:record_id>", audit.AuditRecordById.as_view()),
    path("attention", views.AttentionQueue.as_view()),
    path("divergences", divergences.Divergences.as_view()),
    path(f"{CUSTOMER}/products", catalogue.Products.as_view()),
    path(PRODUCT, catalogue.ProductById.as_view()),
    path(f"{PRODUCT}/skus", catalogue.Skus.as_view()),
    path(SKU, catalogue.SkuById.as_view()),
    path(f"{SKU}/availabilities", catalogue.Availabilities.as_view()),
    path(f"{SKU}/availabilities/<str:availability_id>", catalogue.AvailabilityById.as_view()),
    path(f"{CUSTOMER}/carts", purchases.Carts.as_view()),
    path(CART, purchases.CartById.as_view()),
    path(f"{CART}/checkout", purchases.Checkout.as_view()),
    path(f"{CUSTOMER}/orders", purchases.Orders.as_view()),
    path(ORDER, purchases.OrderById.as_view()),
    path(f"{ORDER}/provisioningstatus", purchases.OrderProvisioning.as_view()),
    path(f"{ORDER}/activationlinks", purchases.OrderActivationLinks.as_view()),
    path(f"{ORDER}/lineitems/<str:number>/activationlinks", purchases.LineActivationLinks.as_view()),
    path(f"{CUSTOMER}/subscriptions", views.Subscriptions.as_view()),
    path(SUBSCRIPTION, views.SubscriptionById.as_view()),
    path(f"{SUBSCRIPTION}/activationlinks", views.SubscriptionActivationLinks.as_view()),
    path(f"{SUBSCRIPTION}/provisioningstatus", views.Provisioning.as_view()),
    path(f"{SUBSCRIPTION}/billinggates", views.Gates.as_view()),
    path(f"{SUBSCRIPTION}/timeline", views.Timeline.as_view()),
    path(f"{SUBSCRIPTION}/poll", views.Poll.as_view()),
    path(f"{SUBSCRIPTION}/remind", reminding.Remind.as_view()),
    path(f"{SUBSCRIPTION}/preview", changing.Previews.as_view()),
    path(f"{SUBSCRIPTION}/transitions", transitions.Transitions.as_view()),
    path(f"{SUBSCRIPTION}/transitionEligibilities", transitions.TransitionEligibilities.as_view()),
    path(f"{SUBSCRIPTION}/operations", changing.Operations.as_view()),
    path(f"{SUBSCRIPTION}/operations/<str:operation_id>", changing.OperationById.as_view()),
    path(f"{SUBSCRIPTION}/changerequests", changing.ChangeRequests.as_view()),
    path(f"{SUBSCRIPTION}/changerequests/<str:request_id>/approve", changing.Approval.as_view()),
    path(f"{SUBSCRIPTION}/changerequests/<str:request_id>/decline", changing.Refusal.as_view()),
]
