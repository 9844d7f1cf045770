"""The REST API for programs, put together: `/v1`, its document and the document's reader."""

from csp.decorators import csp_update
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from partnerhub.api.views import unknown_path

urlpatterns = [
    # Looked at one after the other, and each that does not fit is noted: what is asked most comes first.
    path("", include("subscriptions.api.urls")),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("", include("publishers.api.urls")),
    path("", include("customers.api.urls")),
    path("", include("billing.api.urls")),
    path("", include("partnerhub.jobs.api.urls")),
    path("", include("partnerhub.system.api.urls")),
    re_path(r"^(?P<path>(?s:.*))\Z", unknown_path),
]

# Swagger UI styles its elements by attribute; its scripts are files of ours.
_with_styles = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})
developers = _with_styles(SpectacularSwaggerSplitView.as_view(url_name="openapi"))
fulfillment_developers = _with_styles(SpectacularSwaggerSplitView.as_view(url_name="fulfillment-openapi"))
