import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.countries import COUNTRIES
from customers.vat import CHECK_DIGIT, FORM, LENGTH, LONGEST, checked_vat_id
from partnerhub.errors import VatIdInvalid


@pytest.mark.parametrize(
    ("typed", "country", "stored"),
    [
        ("", "PL", ""),
        ("  ", "US", ""),
        ("PL 119-990-00-44", "PL", "PL1199900044"),
        ("1199900044", "PL", "PL1199900044"),
        ("de811999005", "DE", "DE811999005"),
        ("DE811999005", "PL", "DE811999005"),  # registered in another state of the Union
        ("U11999006", "AT", "ATU11999006"),
        ("094259216", "GR", "EL094259216"),
        ("EL 094259216", "GR", "EL094259216"),
        ("GB 980 7806 84", "GB", "980780684"),
        ("12-3456789", "US", "12-3456789"),  # a country without rules keeps what was typed
    ],
)
def test_a_vat_id_is_stored_in_one_form(typed, country, stored):
    assert checked_vat_id(typed, country) == stored
    assert checked_vat_id(stored, country) == stored


@pytest.mark.parametrize(
    ("typed", "country", "why"),
    [
        ("PL1199900045", "PL", CHECK_DIGIT),
        ("DE811999001", "PL", CHECK_DIGIT),
        ("PL119990004", "PL", LENGTH),
        ("PLABCDEFGHIJ", "PL", FORM),
        ("980780685", "GB", CHECK_DIGIT),
        ("X" * 21, "US", LENGTH),
    ],
)
def test_a_vat_id_that_is_none_says_why(typed, country, why):
    with pytest.raises(VatIdInvalid) as refusal:
        checked_vat_id(typed, country)

    assert refusal.value.values == {"vat_id": typed, "country": country, "why": why}


@given(typed=st.text(max_size=30), country=st.sampled_from(sorted(COUNTRIES)))
def test_whatever_is_typed_is_stored_or_refused(typed, country):
    try:
        stored = checked_vat_id(typed, country)
    except VatIdInvalid:
        return
    assert len(stored) <= LONGEST
