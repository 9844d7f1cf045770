from django.urls import path

from publishers.api import upkeep, views

PUBLISHER = "publishers/<str:publisher_id>"
SKU = "products/<str:product_id>/skus/<str:sku_id>"

urlpatterns = [
    path("products", views.Products.as_view()),
    path("products/<str:product_id>", views.ProductById.as_view()),
    path("products/<str:product_id>/skus", views.Skus.as_view()),
    path(SKU, views.SkuById.as_view()),
    path(f"{SKU}/availabilities", views.Availabilities.as_view()),
    path(f"{SKU}/availabilities/<str:availability_id>", views.AvailabilityById.as_view()),
    path("publishers", views.Publishers.as_view()),
    path(PUBLISHER, upkeep.PublisherById.as_view()),
    path(f"{PUBLISHER}/document", upkeep.PublisherDocument.as_view()),
    path(f"{PUBLISHER}/document/preview", upkeep.DocumentPreview.as_view()),
    path(f"{PUBLISHER}/secrets", upkeep.Secrets.as_view()),
    path(f"{PUBLISHER}/secrets/<str:secret_id>/revoke", upkeep.SecretRevocation.as_view()),
    path(f"{PUBLISHER}/test", upkeep.ConnectionTests.as_view()),
    path(f"{PUBLISHER}/try", upkeep.Trying.as_view()),
]
