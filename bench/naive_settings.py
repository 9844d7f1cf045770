"""The hub's settings, and so its server, middleware, authentication and limits, for another program's addresses."""

from partnerhub.settings import *  # noqa: F403 - every setting, but one

ROOT_URLCONF = "bench.naive_writes"
