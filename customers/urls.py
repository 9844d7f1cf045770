"""Addresses of the forms of customers (other pages: subscriptions.urls), of resellers, agents and API clients."""

from django.urls import path, re_path

from customers.views import agents, clients, customers, importing, resellers

customer_forms = [
    path("new/", customers.new, name="new"),
    path("import/", importing.customers, name="import"),
    re_path(r"^import/(?P<content>template|current)\.csv\Z", importing.customers_file, name="import_file"),
    path("<uuid:customer_id>/edit/", customers.edit, name="edit"),
    path("<uuid:customer_id>/relationship/", customers.relationship, name="relationship"),
]

agent_pages = [
    path("", agents.listing, name="list"),
    path("invite/", agents.invite_agent, name="invite"),
    path("invitations/", agents.invited, name="invitations"),
    path("invitations/<uuid:invitation_id>/send/", agents.invitation_again, name="send-invitation"),
    path("invitations/<uuid:invitation_id>/revoke/", agents.invitation_revoke, name="revoke-invitation"),
    path("<uuid:user_id>/", agents.agent, name="detail"),
    path("<uuid:user_id>/edit/", agents.edit, name="edit"),
    path("<uuid:user_id>/activation/", agents.activation, name="activation"),
    path("<uuid:user_id>/sessions/", agents.end_sessions, name="end-sessions"),
]

client_pages = [
    path("", clients.clients, name="clients"),
    path("new/", clients.new, name="client-new"),
    path("<uuid:client_id>/", clients.client, name="client"),
    path("<uuid:client_id>/customers/", clients.scope, name="client-scope"),
    path("<uuid:client_id>/secrets/", clients.rotate, name="client-rotate"),
    path("<uuid:client_id>/secrets/<int:secret_id>/revoke/", clients.revoke, name="client-revoke-secret"),
    path("<uuid:client_id>/revoke/", clients.revoke, name="client-revoke"),
]

reseller_pages = [
    path("", resellers.resellers, name="list"),
    path("new/", resellers.new, name="new"),
    path("import/", importing.resellers, name="import"),
    re_path(r"^import/(?P<content>template|current)\.csv\Z", importing.resellers_file, name="import_file"),
    path("<str:partner_id>/", resellers.reseller, name="detail"),
    path("<str:partner_id>/edit/", resellers.edit, name="edit"),
    path("<str:partner_id>/suspension/", resellers.suspension, name="suspension"),
]
