from django.urls import path

from billing.api import documents, line_views, payments, views

INVOICE = "invoices/<str:invoice_id>"

urlpatterns = [
    path("invoices", views.Invoices.as_view()),
    path("invoices/summary", views.Summary.as_view()),
    path("invoices/summaries", views.Summaries.as_view()),
    path("invoices/estimates/links", views.EstimateLinks.as_view()),
    path("invoices/unbilled/lineitems", line_views.UnbilledLineItems.as_view()),
    path(INVOICE, views.InvoiceById.as_view()),
    path(f"{INVOICE}/lineitems", line_views.LineItems.as_view()),
    path(f"{INVOICE}/lineitems/<str:provider>/<str:line_type>", line_views.LineItemsByPath.as_view()),
    path(f"{INVOICE}/documents/statement", documents.Statement.as_view()),
    path(f"{INVOICE}/payment", payments.InvoicePayment.as_view()),
]
