"""What surrounds every page of a purchase."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Customer


def purchase_frame(customer: Customer, current: int) -> dict[str, Any]:
    """Customer, breadcrumb and the four steps, of which `current` (from 0) is this page."""
    labels = [_("Offer"), _("Plan and quantity"), _("Review"), _("Confirmation")]
    states = ["done" if number < current else "current" if number == current else "todo" for number in range(4)]
    return {
        "customer": customer,
        "crumbs": [
            {"url": reverse("customers:list"), "label": _("Customers")},
            {"url": reverse("customers:marketplace", args=[customer.pk]), "label": customer.name},
        ],
        "steps": [{"label": label, "state": state} for label, state in zip(labels, states, strict=True)],
    }
