from typing import Any

from django.conf import settings
from django.http import HttpRequest

VERSION = "0.1.0"


def hub(request: HttpRequest) -> dict[str, Any]:
    """What every page may show: the hub's version and whether this is the demo."""
    return {"hub_version": VERSION, "is_demo": settings.HUB_ENV == "demo"}
