"""Reading the catalogue as products, SKUs and availabilities, whoever's catalogue it is."""

from dataclasses import dataclass
from datetime import datetime

from partnerhub.api.shapes import Collection, collection
from partnerhub.errors import AvailabilityNotFound, ProductNotFound, SkuNotFound
from publishers.api import shapes
from publishers.api.shapes import Availability, Product, Sku
from publishers.selectors import CatalogItem, catalogue_for, policies_of, scope_of


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A country's catalogue, or, with a currency, a customer's. `root` is the address of its products, without `/v1`.

    A country lists what is sold there. A customer's lists everything, and says of each item why it cannot be bought.
    """

    root: str
    country: str
    currency: str | None
    at: datetime

    @property
    def _query(self) -> dict[str, str]:
        return {} if self.currency else {"country": self.country}

    def _items(self, product_id: str | None = None) -> list[CatalogItem]:
        items = catalogue_for(self.country, self.currency, self.at, product_id=product_id)
        return items if self.currency else [item for item in items if item.refusal is None]

    def products(self) -> Collection[Product]:
        offers = dict.fromkeys(item.plan_term.plan.offer for item in self._items())
        return collection((shapes.product(offer, self.root, self._query) for offer in offers), self.root)

    def product(self, product_id: str) -> Product:
        """Raises ProductNotFound, also for one that is not on sale here."""
        return shapes.product(self._of_product(product_id)[0].plan_term.plan.offer, self.root, self._query)

    def skus(self, product_id: str) -> Collection[Sku]:
        items = self._of_product(product_id)
        skus = (self._sku(items, sku_id) for sku_id in dict.fromkeys(item.plan_term.plan.sku_id for item in items))
        return collection(skus, f"{self.root}/{product_id}/skus")

    def sku(self, product_id: str, sku_id: str) -> Sku:
        """Raises ProductNotFound, SkuNotFound."""
        return self._sku(self._of_sku(product_id, sku_id), sku_id)

    def availabilities(self, product_id: str, sku_id: str) -> Collection[Availability]:
        items = self._of_sku(product_id, sku_id)
        policies = policies_of(items[0].plan_term.plan, "cancel_within")

        def shown_of(item: CatalogItem) -> Availability:
            scope = scope_of(item.plan_term.plan, item.plan_term.term)
            refundable = policies.duration("cancel_within", scope, self.at)
            return shapes.availability(item, self.country, refundable, self.root, self._query)

        return collection(map(shown_of, items), f"{self.root}/{product_id}/skus/{sku_id}/availabilities")

    def availability(self, product_id: str, sku_id: str, availability_id: str) -> Availability:
        """Raises ProductNotFound, SkuNotFound, AvailabilityNotFound."""
        for shown in self.availabilities(product_id, sku_id)["items"]:
            if shown["id"] == availability_id:
                return shown
        raise AvailabilityNotFound(id=availability_id)

    def _of_product(self, product_id: str) -> list[CatalogItem]:
        items = self._items(product_id)
        if not items:
            raise ProductNotFound(id=product_id)
        return items

    def _of_sku(self, product_id: str, sku_id: str) -> list[CatalogItem]:
        items = [item for item in self._of_product(product_id) if item.plan_term.plan.sku_id == sku_id]
        if not items:
            raise SkuNotFound(id=sku_id)
        return items

    def _sku(self, items: list[CatalogItem], sku_id: str) -> Sku:
        own = [item.plan_term for item in items if item.plan_term.plan.sku_id == sku_id]
        cycles = list(dict.fromkeys(term.billing_cycle for term in own))
        return shapes.sku(own[0].plan, cycles, self.root, self._query)
