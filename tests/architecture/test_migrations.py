"""Migrations run while the version before them works: they only expand, and make nobody wait (docs/production.md)."""

import pytest
from django.apps import apps
from django.contrib.postgres import operations as postgres
from django.db import connection, migrations, models
from django.db.migrations import operations as plain
from django.db.migrations.loader import MigrationLoader

# Nothing ran before the first release that these could have kept waiting.
BEFORE_FIRST_RELEASE = {
    "accounts": 9, "api": 2, "billing": 14, "customers": 6, "hooks": 2, "jobs": 3, "mail": 2, "notifications": 3,
    "outbox": 4, "publishers": 12, "subscriptions": 20,
}  # fmt: skip
# (app, migration): why its SQL, its Python, or what it takes away keeps nobody waiting and breaks nobody.
REVIEWED: dict[tuple[str, str], str] = {}
HARMLESS = (
    plain.CreateModel,
    plain.AlterModelOptions,
    plain.AlterModelManagers,
    plain.RemoveConstraint,
    plain.RemoveIndex,
    postgres.AddConstraintNotValid,
    postgres.ValidateConstraint,
    postgres.RemoveIndexConcurrently,
)


def why_not(migration: migrations.Migration) -> list[str]:
    """What of it would stop, or break, a hub of the version before."""
    fresh: set[str] = set()
    found = []
    for operation in flat(migration.operations):
        if isinstance(operation, plain.CreateModel):
            fresh.add(operation.name_lower)
        elif getattr(operation, "model_name", "").lower() not in fresh and not is_safe(operation, migration):
            found.append(operation.describe())
    return found


def flat(operations):
    for operation in operations:
        if isinstance(operation, plain.SeparateDatabaseAndState):
            yield from flat(operation.database_operations)
        else:
            yield operation


def is_safe(operation, migration) -> bool:
    if isinstance(operation, plain.AddField):
        field = operation.field
        may_be_left_out = field.null or field.db_default is not models.NOT_PROVIDED or field.many_to_many
        return bool(may_be_left_out and not field.unique)
    if isinstance(operation, postgres.AddIndexConcurrently):
        return not migration.atomic
    return isinstance(operation, HARMLESS) or type(operation).__module__.startswith("pgtrigger.")


def test_migrations_since_the_first_release_only_expand():
    loader = MigrationLoader(None)
    since = {
        key: migration
        for key, migration in loader.disk_migrations.items()
        if key[0] in BEFORE_FIRST_RELEASE and int(key[1][:4]) > BEFORE_FIRST_RELEASE[key[0]] and key not in REVIEWED
    }
    assert {key: problems for key, one in since.items() if (problems := why_not(one))} == {}


@pytest.mark.django_db
def test_what_models_declare_stands_in_the_migrated_database():
    """`AlterField` with `db_index=False` also drops unique indexes of the column, and tells nobody."""
    missing = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger")
        triggers = {name for (name,) in cursor.fetchall()}
        for model in (one for one in apps.get_models() if one._meta.managed):
            there = connection.introspection.get_constraints(cursor, model._meta.db_table)
            wanted = {one.name for one in (*model._meta.constraints, *model._meta.indexes)}
            missing += [f"{model._meta.label} {name}" for name in sorted(wanted - there.keys())]
            unique = {tuple(one["columns"]) for one in there.values() if one["unique"]}
            columns = [field.column for field in model._meta.local_fields if field.unique]
            missing += [f"{model._meta.label}.{column}" for column in columns if (column,) not in unique]
            declared = [one.get_pgid(model) for one in getattr(model._meta, "triggers", ())]
            missing += [f"{model._meta.label} {name}" for name in declared if name not in triggers]
    assert missing == []


def migration(*operations, atomic=True):
    made = migrations.Migration("0099_made", "made")
    made.operations, made.atomic = list(operations), atomic
    return made


INDEX = models.Index(fields=["name"], name="thing_name")
CHECK = models.CheckConstraint(condition=models.Q(size__gte=0), name="thing_size")
THING = migrations.CreateModel("Thing", [("id", models.AutoField(primary_key=True))])


@pytest.mark.parametrize(
    "unsafe",
    [
        migration(migrations.AddField("thing", "size", models.IntegerField())),
        migration(migrations.AddField("thing", "size", models.IntegerField(null=True, unique=True))),
        migration(migrations.AddIndex("thing", INDEX)),
        migration(postgres.AddIndexConcurrently("thing", INDEX)),
        migration(migrations.AddConstraint("thing", CHECK)),
        migration(migrations.AlterField("thing", "size", models.BigIntegerField())),
        migration(migrations.RemoveField("thing", "size")),
        migration(migrations.RenameField("thing", "size", "length")),
        migration(migrations.DeleteModel("Thing")),
        migration(migrations.RunSQL("UPDATE thing SET size = 0")),
        migration(migrations.SeparateDatabaseAndState(database_operations=[migrations.AddIndex("thing", INDEX)])),
    ],
    ids=lambda one: one.operations[0].describe(),
)
def test_what_stops_or_breaks_the_version_before_is_found(unsafe):
    assert len(why_not(unsafe)) == 1


def test_what_only_expands_is_let_through():
    size = migrations.AddField("thing", "size", models.IntegerField(null=True))
    weight = migrations.AddField("thing", "weight", models.IntegerField(db_default=0))
    checked = [postgres.AddConstraintNotValid("thing", CHECK), postgres.ValidateConstraint("thing", CHECK.name)]
    beside = migration(postgres.AddIndexConcurrently("thing", INDEX), atomic=False)

    assert [why_not(one) for one in (migration(size, weight, *checked), beside)] == [[], []]
    assert (
        why_not(migration(THING, migrations.AddIndex("thing", INDEX), migrations.AddConstraint("thing", CHECK))) == []
    )
