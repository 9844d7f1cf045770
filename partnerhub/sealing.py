"""Sealing what a copy of the database must not tell: each purpose under a key of its own, made out of SECRET_KEY.

A new SECRET_KEY seals from now on; what was sealed before opens while the old one stands in SECRET_KEY_FALLBACKS, and
`manage.py reseal` seals it again, so that the old one can go.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography import fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf import hkdf
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.utils.encoding import force_bytes

AT_ONCE = 500


class Unreadable(Exception):
    """Sealed with a secret key that is known no more."""


@dataclass(slots=True)
class Resealed:
    """How many values were sealed again, and how many could not be opened and stay as they are."""

    done: int = 0
    unreadable: int = 0


_kept: dict[str, Callable[[], Resealed]] = {}


def seal(purpose: str, plain: bytes) -> bytes:
    """Seal under today's key of a purpose."""
    return _keys(purpose).encrypt(plain)


def unseal(purpose: str, sealed: bytes) -> bytes:
    """What was sealed for this purpose, under today's key or an earlier one. Raises Unreadable."""
    try:
        return _keys(purpose).decrypt(sealed)
    except fernet.InvalidToken:
        raise Unreadable from None


def seal_again(purpose: str, sealed: bytes) -> bytes:
    """The same under today's key. Raises Unreadable."""
    return seal(purpose, unseal(purpose, sealed))


def keeps_sealed(what: str, reseal: Callable[[], Resealed]) -> None:
    """Register who seals everything of a kind again, by its words for the operator."""
    _kept[what] = reseal


def in_column(label: str, field: str, purpose: str) -> Callable[[], Resealed]:
    """Who seals a binary column again, row after row; empty values stay empty. `label` names the model: "app.Model"."""

    def reseal() -> Resealed:
        model, told = apps.get_model(label), Resealed()
        rows = model._default_manager.exclude(**{field: b""})
        for pk in rows.order_by("pk").values_list("pk", flat=True).iterator(AT_ONCE):
            _reseal_row(model, pk, field, purpose, told)
        return told

    return reseal


def reseal_all() -> Iterator[tuple[str, Resealed]]:
    """Seal everything again that is registered, kind by kind. Interrupted, it can simply be run again."""
    for what, reseal in sorted(_kept.items()):
        yield what, reseal()


@transaction.atomic
def _reseal_row(model: type[models.Model], pk: object, field: str, purpose: str, told: Resealed) -> None:
    row = model._default_manager.select_for_update().filter(pk=pk).first()
    sealed = bytes(getattr(row, field)) if row else b""
    if row is None or not sealed:  # sent, or removed, meanwhile
        return
    try:
        setattr(row, field, seal_again(purpose, sealed))
    except Unreadable:
        told.unreadable += 1
        return
    row.save(update_fields=[field])
    told.done += 1


def _keys(purpose: str) -> "fernet.MultiFernet":
    return fernet.MultiFernet(
        [fernet.Fernet(_derived(purpose, one)) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


def _derived(purpose: str, secret: str | bytes) -> bytes:
    derive = hkdf.HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"partnerhub/{purpose}".encode())
    return base64.urlsafe_b64encode(derive.derive(force_bytes(secret)))
