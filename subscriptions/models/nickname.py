from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper

from subscriptions.models.subscription import Subscription


class Nickname(models.Model):
    """A subscription's nickname once more, for searching and sorting; the database keeps it (`nickname_kept`).

    Beside the subscription, so that a change of its status writes none of these indexes.
    """

    subscription = models.OneToOneField(
        Subscription, primary_key=True, on_delete=models.CASCADE, related_name="searched_nickname"
    )
    text = models.CharField(max_length=200)

    class Meta:
        indexes = [
            GinIndex(OpClass(Upper("text"), name="gin_trgm_ops"), name="nickname_parts"),
            models.Index(fields=["text", "subscription"], name="nickname_in_order"),
        ]

    def __str__(self) -> str:
        return self.text
