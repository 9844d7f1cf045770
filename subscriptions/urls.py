"""Addresses of the pages. Customers' pages show their subscriptions, so they are made here."""

from django.urls import path

from customers.urls import customer_forms
from publishers.urls import publisher_forms
from subscriptions.views import (
    activity,
    bulk,
    buying,
    cancelling,
    changing,
    command,
    confirmation,
    customer_page,
    customers,
    deciding,
    detail,
    divergences,
    edits,
    exports,
    insight,
    links,
    listing,
    notes,
    notices,
    operations,
    peek,
    publishers,
    queue,
    queue_acts,
    reminders,
    renewal_notices,
    requests,
    scheduling,
    sending,
)

app_name = "subscriptions"
urlpatterns = [
    path("", listing.subscriptions, name="list"),
    path("export.<str:form>", exports.export, name="export"),
    path("bulk/", bulk.bulk, name="bulk"),
    path("bulk/values.csv", bulk.values, name="bulk_values"),
    path("bulk/file/", bulk.from_file, name="bulk_file"),
    path("command/", command.command, name="command"),
    path("<uuid:subscription_id>/", detail.detail, name="detail"),
    path("<uuid:subscription_id>/peek/", peek.peek, name="peek"),
    path("<uuid:subscription_id>/live/", detail.live, name="live"),
    path("<uuid:subscription_id>/ask/", detail.ask, name="ask"),
    path("<uuid:subscription_id>/nickname/", edits.rename, name="rename"),
    path("<uuid:subscription_id>/change/<str:kind>/", changing.change, name="change"),
    path("<uuid:subscription_id>/unschedule/", scheduling.unschedule_renewal, name="unschedule"),
    path("<uuid:subscription_id>/operations/<uuid:operation_id>/undo/", operations.undo_change, name="undo"),
    path("<uuid:subscription_id>/operations/<uuid:operation_id>/hurry/", operations.hurry_change, name="hurry"),
    path("<uuid:subscription_id>/remind/", reminders.remind, name="remind"),
    path("<uuid:subscription_id>/send/", sending.send, name="send"),
    path("<uuid:subscription_id>/send/preview/", sending.preview, name="send_preview"),
    path("<uuid:subscription_id>/pages/<uuid:page_id>/revoke/", sending.revoke, name="revoke_page"),
    path("<uuid:subscription_id>/renewal-notice/", renewal_notices.send, name="renewal_notice"),
    path("<uuid:subscription_id>/note/", notes.note, name="note"),
    path(
        "<uuid:subscription_id>/divergences/<uuid:divergence_id>/accept/", divergences.accept, name="accept_divergence"
    ),
    path("<uuid:subscription_id>/cancel/", cancelling.cancel, name="cancel"),
]

customer_pages = [
    *customer_forms,
    path("", customers.customers, name="list"),
    path("<uuid:customer_id>/", customers.marketplace, name="marketplace"),
    path("<uuid:customer_id>/orders/", customers.orders, name="orders"),
    path("<uuid:customer_id>/activity/", customers.activity, name="activity"),
    path("<uuid:customer_id>/account/", customers.account, name="account"),
    path("<uuid:customer_id>/buy/", buying.catalogue, name="buy"),
    path("<uuid:customer_id>/buy/<str:catalog_item_id>/", buying.configure, name="configure"),
    path("<uuid:customer_id>/cart/<uuid:cart_id>/", buying.review, name="review"),
    path("<uuid:customer_id>/cart/<uuid:cart_id>/lines/", buying.change_cart, name="change_cart"),
    path("<uuid:customer_id>/orders/<uuid:order_id>/confirmation/", confirmation.confirmation, name="confirmation"),
]

publisher_links = [
    path("<uuid:subscription_id>", links.go, name="go"),
    path("<uuid:subscription_id>/copy", links.go_copy, name="go_copy"),
]

pages_of_customers = [
    path("<str:token>", customer_page.show, name="customer_page"),
    path("<str:token>/go", customer_page.go, name="customer_page_go"),
    path("<str:token>/answers", customer_page.answer, name="customer_page_answer"),
    path("<str:token>/again", customer_page.again, name="customer_page_again"),
]

letter_pages = [path("<str:language>/", sending.template, name="letter")]

activity_pages = [
    path("", activity.activity, name="list"),
    path("export.csv", activity.export, name="export"),
]

attention_pages = [
    path("", queue.queue, name="queue"),
    path("live/", queue.live, name="live"),
    path("export.csv", queue.export, name="export"),
    path("triage/", queue_acts.triage, name="triage"),
    path("let-be/<uuid:subscription_id>/<uuid:operation_id>/", queue_acts.let_be, name="let_be"),
    path("press/<uuid:subscription_id>/<uuid:operation_id>/", queue_acts.press_publisher, name="press"),
    path("row/<str:key>/", queue_acts.row, name="row"),
    path("act/<str:key>/", queue_acts.act, name="act"),
]

insight_pages = [
    path("", insight.insight, name="first"),
    path("charts/", insight.charts, name="charts"),
    path("<str:name>/", insight.insight, name="page"),
    path("<str:name>/<str:table>.csv", insight.table_file, name="file"),
]

request_pages = [
    path("", requests.requests, name="list"),
    path("<uuid:request_id>/", requests.request_detail, name="detail"),
    path("<uuid:request_id>/now/", requests.request_now, name="now"),
    path("<uuid:request_id>/approve/", deciding.approve_request, name="approve"),
    path("<uuid:request_id>/decline/", requests.decline_request, name="decline"),
    path("<uuid:request_id>/withdraw/", requests.withdraw_request, name="withdraw"),
]

publisher_pages = [
    *publisher_forms,
    path("", publishers.publishers, name="publishers"),
    path("divergences/", divergences.divergences, name="divergences"),
    path("<uuid:publisher_id>/", publishers.health, name="publisher-health"),
    path("<uuid:publisher_id>/live/", publishers.live, name="publisher-live"),
    path("<uuid:publisher_id>/try/", publishers.try_again, name="publisher-try"),
    path("<uuid:publisher_id>/divergences/", divergences.divergences_of, name="publisher-divergences"),
    path("<uuid:publisher_id>/notices/", notices.notices, name="publisher-notices"),
    path("<uuid:publisher_id>/notices/test/", notices.test_event, name="publisher-notice-test"),
    path("<uuid:publisher_id>/notices/<uuid:attempt_id>/", notices.notice, name="publisher-notice"),
    path("<uuid:publisher_id>/notices/<uuid:attempt_id>/again/", notices.again, name="publisher-notice-again"),
]
