"""The delivery log as a list narrows it."""

from typing import Any

import django_filters  # type: ignore[import-untyped]
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from subscriptions import words
from subscriptions.models import NoticeAttempt

TEST = "test"


class NoticeFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What narrows the log, each by a parameter of the URL; a value that is no value narrows nothing."""

    outcome = django_filters.ChoiceFilter(label=_("Result"), choices=list(words.NOTICE.items()), empty_label=_("All"))
    action = django_filters.ChoiceFilter(
        label=_("What"),
        method="by_action",
        choices=[*((action.value, words.OPERATION[action]) for action in words.TOLD), (TEST, words.TEST_EVENT)],
        empty_label=_("All"),
    )

    class Meta:
        model = NoticeAttempt
        fields: list[str] = []

    @property
    def is_filtering(self) -> bool:
        """Whether anything narrows the list."""
        return self.form.is_valid() and any(self.form.cleaned_data.values())

    def by_action(self, attempts: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return attempts.filter(operation=None) if value == TEST else attempts.filter(operation__action=value)
