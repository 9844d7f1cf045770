"""The list that nobody has thought about: a ModelViewSet over the plain table, counted whole, skipped row by row."""

from django.db import models
from rest_framework.pagination import PageNumberPagination
from rest_framework.serializers import CharField, ModelSerializer
from rest_framework.viewsets import ReadOnlyModelViewSet

from bench.list_servers import SIZE, TABLE
from customers.models import Customer
from publishers.models import Offer, Publisher


class Plain(models.Model):
    """A row of the copy, which has no other indexes than those that Django makes by itself, and one of the status."""

    id = models.UUIDField(primary_key=True)
    nickname = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    status = models.CharField(max_length=32, db_index=True)
    unit_price = models.DecimalField(max_digits=14, decimal_places=4)
    currency = models.CharField(max_length=3)
    auto_renew = models.BooleanField()
    purchased_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)
    term_start = models.DateField(null=True)
    term_end = models.DateField(null=True)
    version = models.PositiveIntegerField()
    customer = models.ForeignKey(Customer, on_delete=models.DO_NOTHING, related_name="+")
    offer = models.ForeignKey(Offer, on_delete=models.DO_NOTHING, related_name="+")
    publisher = models.ForeignKey(Publisher, on_delete=models.DO_NOTHING, related_name="+")

    class Meta:
        app_label = "bench"
        managed = False
        db_table = TABLE

    def __str__(self) -> str:
        return self.nickname


class _Row(ModelSerializer):  # type: ignore[misc]
    customer = CharField(source="customer.name")
    offer = CharField(source="offer.title")
    publisher = CharField(source="publisher.name")

    class Meta:
        model = Plain
        fields = "__all__"


class _Pages(PageNumberPagination):  # type: ignore[misc]
    page_size = SIZE


class _Naive(ReadOnlyModelViewSet):  # type: ignore[misc]
    queryset = Plain.objects.select_related("customer", "offer", "publisher").order_by("-purchased_at", "-id")
    serializer_class = _Row
    pagination_class = _Pages
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()


view = _Naive.as_view({"get": "list"})
