from rest_framework.request import Request

from accounts.policy import Actor


def caller(request: Request) -> Actor:
    """The program that calls; views of /v1 are reached only with one."""
    actor: object = request.user
    if not isinstance(actor, Actor):
        raise PermissionError("this view must require a bearer token")
    return actor
