from django.urls import path

from customers.api import importing, resellers, upkeep, views

CUSTOMER = "customers/<str:customer_id>"

urlpatterns = [
    path("customers", views.Customers.as_view()),
    path(CUSTOMER, views.CustomerById.as_view()),
    path(f"{CUSTOMER}/profiles/billing", views.CustomerBillingProfile.as_view()),
    path(f"{CUSTOMER}/profiles/company", views.CustomerCompanyProfile.as_view()),
    path(f"{CUSTOMER}/relationships", views.CustomerRelationships.as_view()),
    path("jobs/customers", importing.CustomerImports.as_view()),
    path("jobs/resellers", importing.ResellerImports.as_view()),
    path("resellers", upkeep.Resellers.as_view()),
    path("resellers/<str:partner_id>", upkeep.ResellerById.as_view()),
    path("relationships", resellers.Relationships.as_view()),
    path("partners/validateresellers", resellers.ValidateResellers.as_view()),
    path("profiles/mpn", resellers.MpnProfileByQuery.as_view()),
    path("compliance/csp/agreementstatus", resellers.AgreementStatusByQuery.as_view()),
]
