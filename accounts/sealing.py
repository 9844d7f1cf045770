"""Sealing what proves that somebody is who they say: a copy of the database must make nobody's codes."""

from django.apps import apps
from django.db import transaction

from partnerhub.sealing import Resealed, Unreadable, keeps_sealed, seal, seal_again, unseal

__all__ = ["Unreadable", "opened", "sealed"]

PURPOSE = "accounts/second-factor"
# What of a second factor is sealed: the secret of an app, the seed of recovery codes.
_SEALED = ("secret", "seed")


def sealed(text: str) -> str:
    return seal(PURPOSE, text.encode()).decode()


def opened(text: str) -> str:
    """A sealed text in clear. Raises Unreadable for one that was sealed with a key that is known no more."""
    return unseal(PURPOSE, text.encode()).decode()


def _reseal() -> Resealed:
    factors, told = apps.get_model("mfa.Authenticator")._default_manager, Resealed()
    for pk in factors.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            factor = factors.select_for_update().filter(pk=pk).first()
            kept = {name: value for name, value in factor.data.items() if name in _SEALED} if factor else {}
            if not kept:
                continue
            try:
                factor.data |= {name: seal_again(PURPOSE, str(text).encode()).decode() for name, text in kept.items()}
            except Unreadable:
                told.unreadable += 1
                continue
            factor.save(update_fields=["data"])
            told.done += 1
    return told


keeps_sealed("second factors", _reseal)
