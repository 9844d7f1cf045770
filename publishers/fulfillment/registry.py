"""Which adapter calls which publisher, and as whom."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.tokens import publisher_call_token
from publishers.fulfillment.gateway import Address, FulfillmentGateway
from publishers.fulfillment.saas_v2 import SaasV2Gateway
from publishers.models import Adapter, Publisher

ADDRESS_LIVES = timedelta(minutes=5)  # half of the token's life


def make_gateway(*, connections: int) -> FulfillmentGateway:
    """The gateway of every adapter known today, with room for `connections` calls at once. Needs a running loop."""
    return SaasV2Gateway(allow_private=settings.HUB_ALLOW_PRIVATE_PUBLISHERS, connections=connections)


GATEWAYS: dict[Adapter, Callable[..., FulfillmentGateway]] = dict.fromkeys(Adapter, make_gateway)


class Lines:
    """Lines to publishers, opened at first need: a gateway for each kind, an address with a token for each."""

    def __init__(self, *, connections: int) -> None:
        self._connections = connections
        self._gateways: dict[Callable[..., FulfillmentGateway], FulfillmentGateway] = {}
        self._addresses: dict[UUID, tuple[Adapter, Address, datetime]] = {}

    def look_up(self, publisher_ids: Iterable[UUID], at: datetime) -> None:
        """Know the addresses of these publishers, with tokens that are good for some minutes. Reads the database."""
        wanted = {key for key in publisher_ids if key not in self._addresses or self._addresses[key][2] <= at}
        for publisher in Publisher.objects.select_related("client").filter(pk__in=wanted) if wanted else ():
            token = publisher_call_token(publisher.client, at=at)
            address = Address(publisher.pk, publisher.fulfillment_base_url, token, publisher.webhook_url)
            self._addresses[publisher.pk] = (Adapter(publisher.adapter), address, at + ADDRESS_LIVES)

    def line_to(self, publisher_id: UUID) -> tuple[FulfillmentGateway, Address]:
        """The gateway and the address of a publisher that was looked up. Needs a running loop."""
        adapter, address, _until = self._addresses[publisher_id]
        factory = GATEWAYS[adapter]
        if factory not in self._gateways:
            self._gateways[factory] = factory(connections=self._connections)
        return self._gateways[factory], address

    async def close(self) -> None:
        for gateway in self._gateways.values():
            await gateway.close()
        self._gateways.clear()
