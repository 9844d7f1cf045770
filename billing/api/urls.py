from django.urls import path

from billing.api import documents, drafts, line_views, payments, runs, statements, views

INVOICE = "invoices/<str:invoice_id>"
DRAFT = "invoices/drafts/<str:draft_id>"

urlpatterns = [
    path("invoices", views.Invoices.as_view()),
    path("invoices/summary", views.Summary.as_view()),
    path("invoices/summaries", views.Summaries.as_view()),
    path("invoices/estimates/links", views.EstimateLinks.as_view()),
    path("invoices/unbilled/lineitems", line_views.UnbilledLineItems.as_view()),
    path("invoices/drafts", drafts.Drafts.as_view()),
    path(DRAFT, drafts.DraftById.as_view()),
    path(f"{DRAFT}/lineitems", drafts.DraftLines.as_view()),
    path(f"{DRAFT}/hold", drafts.HoldDraft.as_view()),
    path(f"{DRAFT}/release", drafts.ReleaseDraft.as_view()),
    path(f"{DRAFT}/finalize", drafts.FinalizeDraft.as_view()),
    path(f"{DRAFT}/drop", drafts.DropDraft.as_view()),
    path(f"{DRAFT}/redraft", drafts.RedoDraft.as_view()),
    path("billingruns", runs.BillingRuns.as_view()),
    path("billingruns/preview", runs.BillingPreview.as_view()),
    path("billingruns/<str:month>", runs.BillingRunByMonth.as_view()),
    path("statements", statements.Statements.as_view()),
    path("statements/<str:statement_id>", statements.StatementById.as_view()),
    path("statements/<str:statement_id>/lineitems", statements.StatementLines.as_view()),
    path(INVOICE, views.InvoiceById.as_view()),
    path(f"{INVOICE}/lineitems", line_views.LineItems.as_view()),
    path(f"{INVOICE}/lineitems/<str:provider>/<str:line_type>", line_views.LineItemsByPath.as_view()),
    path(f"{INVOICE}/documents/statement", documents.Statement.as_view()),
    path(f"{INVOICE}/payment", payments.InvoicePayment.as_view()),
    path(f"{INVOICE}/credit", drafts.Credit.as_view()),
]
