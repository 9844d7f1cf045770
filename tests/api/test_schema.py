import pytest
from django.core.management import call_command
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator

from partnerhub.hooks.urls import urlpatterns as hooks
from partnerhub.v1 import urlpatterns


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_document_is_valid_and_nothing_had_to_be_guessed(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))


def test_the_document_has_every_resource_of_v1_and_the_webhooks(schema):
    routes = [f"/v1/{route.pattern}" for include in urlpatterns for route in getattr(include, "url_patterns", [])]
    routes += [f"/webhooks/v1/{route.pattern}" for route in hooks if str(route.pattern).startswith("registration")]
    assert set(schema["paths"]) == {route.replace("<str:", "{").replace(">", "}") for route in routes}
    assert schema["openapi"].startswith("3.1")


def test_shapes_are_written_from_the_types_that_views_answer(schema):
    shapes = schema["components"]["schemas"]
    assert shapes["SubscriptionShownCollection"]["properties"]["items"] == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/SubscriptionShown"},
    }
    assert "effectiveStartDate" not in shapes["SubscriptionShown"]["required"]
    assert shapes["SubscriptionShown"]["properties"]["creationDate"] == {"type": "string", "format": "date-time"}


@pytest.mark.django_db
def test_document_and_reader_are_served_from_here(client):
    document = client.get("/v1/openapi.json")
    page = client.get("/developers/")
    assert (document.status_code, document.json()["info"]["title"]) == (200, "Partner Hub")
    assert page.status_code == 200
    assert "http://" not in page.content.decode()
    assert "https://" not in page.content.decode()
    assert "'unsafe-inline'" not in page["Content-Security-Policy"].partition("style-src")[0]
    assert get_resolver().reverse_dict["developers"]
