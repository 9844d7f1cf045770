from django.urls import path

from subscriptions.api import (
    audit,
    bulk,
    catalogue,
    changing,
    divergences,
    holding,
    letters,
    notes,
    noticing,
    publishers,
    purchases,
    reminding,
    scheduling,
    sending,
    transitions,
    triaging,
    views,
)

CUSTOMER = "customers/<str:customer_id>"
PRODUCT = f"{CUSTOMER}/products/<str:product_id>"
SKU = f"{PRODUCT}/skus/<str:sku_id>"
CART = f"{CUSTOMER}/carts/<str:cart_id>"
ORDER = f"{CUSTOMER}/orders/<str:order_id>"
SUBSCRIPTION = f"{CUSTOMER}/subscriptions/<str:subscription_id>"
OPERATION = f"{SUBSCRIPTION}/operations/<str:operation_id>"
REQUEST = f"{SUBSCRIPTION}/changerequests/<str:request_id>"
PAGES = f"{SUBSCRIPTION}/customerpages"
ITEM = "attention/<str:item_id>"

urlpatterns = [
    path("publishers/<str:publisher_id>/health", publishers.PublisherHealthById.as_view()),
    path("auditrecords", audit.AuditRecords.as_view()),
    path("auditrecords/<str:record_id>", audit.AuditRecordById.as_view()),
    path("attention", triaging.AttentionQueue.as_view()),
    path("attention/assignees", triaging.Assignees.as_view()),
    path(ITEM, triaging.AttentionItemById.as_view()),
    path(f"{ITEM}/assign", triaging.Assignment.as_view()),
    path(f"{ITEM}/snooze", triaging.Snooze.as_view()),
    path(f"{ITEM}/wake", triaging.Waking.as_view()),
    path("jobs/subscriptions", bulk.BulkJobs.as_view()),
    path("divergences", divergences.Divergences.as_view()),
    path("divergences/<str:divergence_id>", divergences.DivergenceById.as_view()),
    path("divergences/<str:divergence_id>/accept", divergences.Accepting.as_view()),
    path("letters/<str:language>", letters.Letter.as_view()),
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
    path(OPERATION, changing.OperationById.as_view()),
    path(f"{OPERATION}/undo", holding.Undoing.as_view()),
    path(f"{OPERATION}/hurry", holding.Hurrying.as_view()),
    path(f"{OPERATION}/poll", holding.Asking.as_view()),
    path(f"{OPERATION}/letbe", holding.LettingBe.as_view()),
    path(f"{SUBSCRIPTION}/changerequests", changing.ChangeRequests.as_view()),
    path(REQUEST, changing.ChangeRequestById.as_view()),
    path(f"{REQUEST}/approve", changing.Approval.as_view()),
    path(f"{REQUEST}/decline", changing.Refusal.as_view()),
    path(f"{REQUEST}/withdraw", changing.Withdrawal.as_view()),
    path(f"{SUBSCRIPTION}/unschedule", scheduling.Unscheduling.as_view()),
    path(f"{SUBSCRIPTION}/notes", notes.Notes.as_view()),
    path(f"{SUBSCRIPTION}/renewalnotices", noticing.RenewalNotices.as_view()),
    path(PAGES, sending.CustomerPages.as_view()),
    path(f"{PAGES}/preview", sending.CustomerPagePreview.as_view()),
    path(f"{PAGES}/<str:page_id>/revoke", sending.Revoking.as_view()),
    path(f"{SUBSCRIPTION}/setupanswers", sending.Answers.as_view()),
]
