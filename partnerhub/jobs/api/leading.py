"""Answering with a job that has only begun to be planned."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from rest_framework.response import Response

Handler = Callable[..., Response]
RETRY_SECONDS = 2


def leads_to_job(handler: Handler) -> Handler:
    """Lead whoever is answered 202 to the job, a repeated request, too."""

    @wraps(handler)
    def led(*args: Any, **named: Any) -> Response:
        response = handler(*args, **named)
        if response.status_code == 202:
            response["Location"] = f"{settings.HUB_BASE_URL}/v1/jobs/{response.data['id']}"
            response["Retry-After"] = str(RETRY_SECONDS)
        return response

    return led
