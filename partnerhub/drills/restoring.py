"""Backing a hub up while it works, and restoring it into an empty database beside it."""

from partnerhub.drills.hub import Hub
from partnerhub.drills.load import Load
from partnerhub.runtime import embedded

RESTORED = "restored"


def back_up_and_restore(hub: Hub, load: Load) -> tuple[list[str], list[str]]:
    """What was seen, and what does not hold. Everything answered before the backup began must be in it."""
    before = [one.subscription_id for one in list(load.purchases) if one.subscription_id]
    backup = hub.configuration.folder / "backup"
    written = hub.manage("backup", backup)
    if written.returncode:
        return [], [f"the backup failed: {written.stderr[-500:]}"]
    url = embedded.make_database(hub.environment["DATABASE_URL"], RESTORED)
    read = hub.manage("restore", backup, environment={"DATABASE_URL": url})
    notes = [written.stdout.strip(), read.stdout.strip()]
    if read.returncode:
        return notes, [f"the restore failed: {read.stderr[-500:]}"]
    return notes, [*_lost(hub, before), *_again(hub, backup, url)]


def _lost(hub: Hub, before: list[str]) -> list[str]:
    with hub.connection(RESTORED) as restored:
        statement = "SELECT count(*) FROM subscriptions_subscription WHERE id = ANY(%s::uuid[])"
        found = restored.execute(statement, [before]).fetchone()
    return [] if found == (len(before),) else [f"{len(before)} were bought before the backup, {found} are in it"]


def _again(hub: Hub, backup: object, url: str) -> list[str]:
    """Neither command overwrites anything."""
    refused = [hub.manage("backup", str(backup)), hub.manage("restore", str(backup), environment={"DATABASE_URL": url})]
    return [] if all(one.returncode for one in refused) else ["a backup or a database was overwritten"]
