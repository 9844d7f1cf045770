"""The way of every form here: one service is called, and its refusal is shown where it was typed."""

from collections.abc import Callable

from django.http import HttpRequest

from partnerhub.errors import HubError, NotFound, NotPermitted
from partnerhub.web.forms import RefusableForm
from partnerhub.web.refusals import refused, status_of


def refusal_of(request: HttpRequest, form: RefusableForm, act: Callable[[], object]) -> HubError | None:
    """Do it: None when it is done, else the refusal, on record and shown by the form.

    Raises NotFound and NotPermitted: no form can help there.
    """
    try:
        act()
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        form.refuse(refusal)
        return refusal
    return None


def status_after(refusal: HubError | None) -> int:
    """The status of a page that shows a form again: 422 for a wrong shape, else the refusal's own."""
    return 422 if refusal is None else status_of(refusal)
