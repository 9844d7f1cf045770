"""VAT ids: their form and check digits by the rules of each country; nobody is asked whether one is registered."""

import re

from stdnum import get_cc_module
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError

from partnerhub.errors import VatIdInvalid, gettext_noop

LONGEST = 20
CHECK_DIGIT = gettext_noop("its check digit does not fit")
LENGTH = gettext_noop("it has too few or too many characters")
FORM = gettext_noop("it is not written as one")
_PREFIXES = {"GR": "EL"}  # Greece's VAT ids begin with other letters than its country code


def checked_vat_id(typed: str, country: str) -> str:
    """A VAT id as it is stored: capitals without separators, in the European Union with the letters of its state.

    `country` is the customer's (ISO 3166); a customer in the Union may be registered in another of its states.
    A country whose rules are not known keeps what was typed. The empty text stays empty. Raises VatIdInvalid.
    """
    if not typed.strip():
        return ""
    try:
        found = _in_the_union(typed, country) if _is_member(country) else _elsewhere(typed, country)
    except ValidationError as error:
        raise VatIdInvalid(vat_id=typed.strip()[:50], country=country, why=_why(error)) from None
    if len(found) > LONGEST:
        raise VatIdInvalid(vat_id=found[:50], country=country, why=LENGTH)
    return found


def _is_member(country: str) -> bool:
    return country.lower() in eu_vat.MEMBER_STATES or country in _PREFIXES.values()


def _in_the_union(typed: str, country: str) -> str:
    number = re.sub(r"[\s.\-/]", "", typed).upper()
    own = _PREFIXES.get(country, country)
    named = number.startswith(own) or (_is_member(number[:2]) and not eu_vat.is_valid(own + number))
    return str(eu_vat.validate(number if named else own + number))


def _elsewhere(typed: str, country: str) -> str:
    rules = get_cc_module(country, "vat")
    return str(rules.validate(typed)) if rules else " ".join(typed.split()).upper()


def _why(error: ValidationError) -> str:
    if isinstance(error, InvalidChecksum):
        return CHECK_DIGIT
    return LENGTH if isinstance(error, InvalidLength) else FORM
