from django.urls import path

from publishers.api import views

SKU = "products/<str:product_id>/skus/<str:sku_id>"

urlpatterns = [
    path("products", views.Products.as_view()),
    path("products/<str:product_id>", views.ProductById.as_view()),
    path("products/<str:product_id>/skus", views.Skus.as_view()),
    path(SKU, views.SkuById.as_view()),
    path(f"{SKU}/availabilities", views.Availabilities.as_view()),
    path(f"{SKU}/availabilities/<str:availability_id>", views.AvailabilityById.as_view()),
    path("publishers", views.Publishers.as_view()),
]
