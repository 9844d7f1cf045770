"""How many licences of a plan may be bought."""

from partnerhub.errors import QuantityOutOfRange
from publishers.models import Plan


def check_quantity(plan: Plan, quantity: int) -> None:
    """Raise QuantityOutOfRange unless the quantity is within the plan's limits, inclusive (rule 3)."""
    if not plan.takes(quantity):
        raise QuantityOutOfRange(
            quantity=quantity, minimum=plan.min_quantity, maximum=plan.max_quantity, plan=plan.title
        )
