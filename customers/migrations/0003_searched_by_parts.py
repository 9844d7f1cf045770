"""Customers found by parts of their names and domains without reading all of them."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently, TrigramExtension
from django.db import migrations, models
from django.db.models.functions import Upper

INDEXES = [
    GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="customer_name_parts"),
    GinIndex(OpClass(Upper("domain"), name="gin_trgm_ops"), name="customer_domain_parts"),
    models.Index(Upper("beneficiary_email"), name="customer_by_email"),
]
# What a run left that was stopped: an index that is built concurrently is there before it is complete.
REMNANTS = "DROP INDEX IF EXISTS customer_name_parts, customer_domain_parts, customer_by_email"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0002_domain_once_and_reseller_version")]

    operations = [
        TrigramExtension(),
        migrations.RunSQL(REMNANTS, migrations.RunSQL.noop),
        *(AddIndexConcurrently("customer", index) for index in INDEXES),
    ]
