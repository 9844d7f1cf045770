from django.urls import path

from billing.views import (
    acts,
    charges,
    explaining,
    forecast,
    frame,
    insight,
    invoices,
    reconciling,
    runs,
    seats,
    statements,
)

app_name = "billing"
urlpatterns = [
    path("subscriptions/<uuid:subscription_id>/charges/", charges.charges, name="charges"),
    path("billing/", frame.billing, name="billing"),
    path("billing/invoices/", invoices.invoices, name="invoices"),
    path("billing/invoices/<uuid:invoice_id>/", invoices.invoice, name="invoice"),
    path("billing/invoices/<uuid:invoice_id>/document.pdf", invoices.invoice_pdf, name="invoice_pdf"),
    path("billing/invoices/<uuid:invoice_id>/lines/<int:position>/", explaining.line, name="line"),
    path("billing/invoices/<uuid:invoice_id>/<str:name>/", acts.act, name="act"),
    path("customers/<uuid:customer_id>/invoices/", invoices.customer_invoices, name="customer_invoices"),
    path("billing/reconciliation/", reconciling.reconciliation, name="reconciliation"),
    path("billing/reconciliation.<str:form>", reconciling.reconciliation_file, name="reconciliation_file"),
    path("billing/forecast/", forecast.forecast, name="forecast"),
    path("billing/forecast/<str:name>.<str:form>", forecast.forecast_file, name="forecast_file"),
    path("customers/<uuid:customer_id>/forecast/", forecast.customer_forecast, name="customer_forecast"),
    path(
        "subscriptions/<uuid:subscription_id>/forecast/", forecast.subscription_forecast, name="subscription_forecast"
    ),
    path("billing/insight/", insight.insight, name="insight"),
    path("billing/insight/revenue/", insight.revenue, name="revenue"),
    path("billing/runs/", runs.runs, name="runs"),
    path("billing/runs/now/", runs.bill_now, name="bill_now"),
    path("billing/runs/<str:month>/", runs.run, name="run"),
    path("billing/runs/<str:month>/progress/", runs.progress, name="run_progress"),
    path("billing/seats/", seats.seats, name="seats"),
    path("billing/seats.<str:form>", seats.seats_file, name="seats_file"),
    path("billing/statements/", statements.statements, name="statements"),
    path("billing/statements/progress/<uuid:progress_id>/", statements.import_progress, name="import_progress"),
    path("billing/statements/<uuid:statement_id>/", statements.statement, name="statement"),
    path("billing/statements/<uuid:statement_id>/lines.<str:form>", statements.statement_file, name="statement_file"),
]
