"""Who signs in to the demo, with which roles; the first one is active."""

from accounts.policy import Role

PASSWORD = "partnerhub-demo"  # noqa: S105 - printed for everybody who starts the demo

PEOPLE: list[tuple[str, str, tuple[Role, ...]]] = [
    ("admin@partnerhub.example", "Anna Wiśniewska", (Role.ADMIN_AGENT,)),
    ("sales@partnerhub.example", "Piotr Zieliński", (Role.SALES_AGENT,)),
    ("ops@partnerhub.example", "Jonas Brückner", (Role.OPS_AGENT,)),
    ("platform@partnerhub.example", "Mara Lindqvist", (Role.PLATFORM_ADMIN,)),
    ("both@partnerhub.example", "Katarzyna Wójcik", (Role.SALES_AGENT, Role.ADMIN_AGENT)),
]
ADMIN, SALES = PEOPLE[0][0], PEOPLE[1][0]
API_CLIENT = "Demo API client"
