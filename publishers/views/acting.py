"""The way of every form here: one service is called, and its refusal is shown where it was typed."""

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest

from partnerhub.errors import HubError, NotFound, NotPermitted
from partnerhub.web.forms import RefusableForm
from partnerhub.web.refusals import refused

Done = TypeVar("Done")


def acted(request: HttpRequest, form: RefusableForm, act: Callable[[], Done]) -> Done | HubError:
    """Do it: what came of it, or the refusal, which is on record and shown by the form then.

    Raises NotFound and NotPermitted: no form can help there.
    """
    try:
        return act()
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        form.refuse(refusal)
        return refusal
