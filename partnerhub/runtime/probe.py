"""A container's health check: exit code 0 when this hub's web process can answer pages and programs."""

import os
import sys
from urllib.parse import urlsplit

from partnerhub.runtime import ports
from partnerhub.runtime.configuration import configuration


def main() -> int:
    """Ask this machine's web process as the hub's own address: it answers to no other host name."""
    hub = configuration(os.environ)
    address = urlsplit(hub.base_url)
    headers = {"Host": address.netloc, "X-Forwarded-Proto": address.scheme}
    status, body = ports.answer(f"{hub.local_url}/health/web", headers=headers)
    print(status, body[:500])
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
