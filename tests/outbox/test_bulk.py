"""Columns as arrays: whatever text comes, the database reads what was given."""

import pytest
from django.db import connection

from partnerhub.bulk import array

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "values", [[], ["plain", None, "NULL", ""], ['a "b"', "c\\d", None, "{,}", "e\nf\t", "'; --", "ż\u2028", '"', "\\"]]
)
def test_an_array_reads_as_it_was_given(values):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [array(values)])
        assert cursor.fetchone() == (values,)
