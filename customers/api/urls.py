from django.urls import path

from customers.api import views

urlpatterns = [
    path("customers", views.Customers.as_view()),
    path("customers/<str:customer_id>", views.CustomerById.as_view()),
]
