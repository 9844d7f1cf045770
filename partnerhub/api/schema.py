"""The OpenAPI document: response shapes are the TypedDicts that the views' functions return."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, NotRequired, Required, TypeVar, get_args, get_origin, get_type_hints, is_typeddict

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, resolve_type_hint
from drf_spectacular.utils import Direction, OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.serializers import Serializer

from partnerhub.api.errors import NUMBERS, Problem, Throttling
from partnerhub.api.pages import DEFAULT_SIZE, LARGEST_SIZE
from partnerhub.api.preconditions import PROBLEM, ProblemDetails
from partnerhub.api.shapes import CONTINUATION
from partnerhub.errors import HubError

Method = TypeVar("Method", bound=Callable[..., Any])

BEARER = "bearer"
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
REFUSED = "Refused; nothing changed."
THROTTLED = "Too many calls: `Retry-After` says when to call again."
# What any call may be refused with, those with an id in their address, writes, and writes to what the hub adds.
ANYWHERE = {400: REFUSED, 401: "No token, or none that is valid here.", 403: REFUSED}
ABOUT_ONE = {404: REFUSED}
OF_WRITES = {409: f"{REFUSED} Something else is under way: try again.", 413: "The body is larger than this hub reads."}
OF_OWN = {412: "The etag is stale; only for who accepts `application/problem+json`."}
CORRELATION = OpenApiParameter(
    "MS-CorrelationId", str, OpenApiParameter.HEADER, description="Echoed; made up when absent."
)
REQUEST_ID = OpenApiParameter(
    "MS-RequestId",
    # Not of format uuid: generated clients would hand an object to a header.
    {"type": "string", "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"},
    OpenApiParameter.HEADER,
    description="A GUID. Makes the write idempotent: send it again on a retry.",
)


def answered_header(name: str, kind: type, text: str, *statuses: int) -> OpenApiParameter:
    """A header of what is answered, not of what is asked."""
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=text, response=[*map(str, statuses)])


WAIT = answered_header("Retry-After", int, "Seconds to wait.", 409, 429)
ACCEPTED = (
    answered_header("Location", str, "The operation that it waits for.", 202),
    answered_header("Retry-After", int, "Seconds to wait before looking there.", 202),
)


def whole_number(name: str, text: str, least: int, most: int, default: int) -> OpenApiParameter:
    """A number in the query, as `number_asked` reads it."""
    number = {"type": "integer", "minimum": least, "maximum": most, "default": default}
    return OpenApiParameter(name, number, description=text)


SEEK = (
    OpenApiParameter(
        "seekOperation",
        {"type": "string", "enum": ["First", "Next", "Previous", "Last"], "default": "First"},
        description="`Next` and `Previous` with the token that the links of a page give.",
    ),
    OpenApiParameter(CONTINUATION, str, OpenApiParameter.HEADER, description="Where to go on from."),
)
PAGED = (whole_number("size", "How many in a page.", 1, LARGEST_SIZE, default=DEFAULT_SIZE), *SEEK)
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The etag last seen; stale answers 400 with code 2055."
)


def operation(
    name: str,
    summary: str,
    response: Any,
    *,
    status: int = 200,
    media_type: str = "application/json",
    body: type[Serializer[Any]] | None = None,
    query: dict[str, str] | None = None,
    headers: tuple[OpenApiParameter, ...] = (),
    parameters: tuple[OpenApiParameter, ...] = (),
    accepted: str = "",
    about: str = "",
    roles: Iterable[str] = (),
    refusals: Iterable[type[HubError]] = (),
    example: Any = None,
    answer: Any = None,
) -> Callable[[Method], Method]:
    """Describe one method of a view: its operationId, what it answers, what it reads, its query parameters.

    `parameters` are those whose values are narrower than any text, as `PAGED` for what `page_of` reads. `accepted` says
    what an answer of 202 with the same shape means, where there is one; `about` is the description; `roles` may do it;
    `refusals` are its own besides those of every operation; `example` and `answer` are a body that is read and what
    it is answered with.
    """
    named = [OpenApiParameter(key, str, description=text) for key, text in (query or {}).items()]
    can = list(roles)
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=_description(about, can) or None,
        auth=[{BEARER: [role]} for role in can] or None,  # type: ignore[misc]  # requirements, upstream says names
        examples=_examples(example, answer, status),
        request=body,
        responses={
            (status, media_type): OpenApiResponse(response, "Done."),
            **({202: OpenApiResponse(response, accepted)} if accepted else {}),
            **{str(status): OpenApiResponse(Problem, text) for status, text in _refused(refusals).items()},
        },
        parameters=[*named, *parameters, *headers, *(ACCEPTED if accepted else ())],
    )


def _description(about: str, roles: list[str]) -> str:
    who = f"Roles: {', '.join(f'`{role}`' for role in roles)}." if roles else ""
    return "\n\n".join(filter(None, (about, who)))


def _refused(kinds: Iterable[type[HubError]]) -> dict[int, str]:
    """What each status of a refusal means, with number and the hub's own code of each kind that is named."""
    named: dict[int, list[str]] = {}
    for kind in kinds:
        status, number = NUMBERS[kind]
        named.setdefault(status, []).append(f"{number} `{kind.code}`")
    return {status: f"{REFUSED} {'; '.join(numbers)}" for status, numbers in named.items()}


def _examples(example: Any, answer: Any, status: int) -> list[OpenApiExample]:
    asked = [OpenApiExample("Request", value=example, request_only=True)] if example is not None else []
    told = [OpenApiExample("Answer", value=answer, response_only=True, status_codes=[str(status)])]
    return asked + (told if answer is not None else [])


class HubSchema(AutoSchema):
    """The /v1 operations; what publishers call speaks the marketplace's own documented dialect and stays out."""

    def is_excluded(self) -> bool:
        return not self.path.startswith(("/v1/", "/webhooks/v1/"))

    def get_description(self) -> str:  # type: ignore[override]
        """None beyond the summary: docstrings of views speak to the hub's own developers."""
        return ""

    def get_tags(self) -> list[str]:
        return [type(self.view).__module__.partition(".")[0]]

    def get_override_parameters(self) -> list[Any]:
        common = [CORRELATION, WAIT] + ([REQUEST_ID] if self.method in WRITES else [])
        return [*super().get_override_parameters(), *common]

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        """Those of the operation, and what any such call may be refused with."""
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, text in self._refusals().items():
            bodies.setdefault(str(status), self._get_response_for_code(OpenApiResponse(Problem, text), str(status)))
        if getattr(self.view, "is_own", False):
            self._as_problems(bodies)
        bodies["429"] = self._get_response_for_code(OpenApiResponse(Throttling, THROTTLED), "429")
        return bodies

    def _as_problems(self, bodies: dict[str, Any]) -> None:
        """Refusals by the hub's own rules, told also as RFC 9457 has it."""
        details = {"schema": self._schema_of(ProblemDetails, {})}
        for status in bodies.keys() & {"400", "403", "404", "409"}:
            bodies[status]["content"][PROBLEM] = details
        if "412" in bodies:
            bodies["412"]["content"] = {PROBLEM: details}

    def _refusals(self) -> dict[int, str]:
        is_write, is_own = self.method in WRITES, getattr(self.view, "is_own", False)
        extra = (("{" in self.path, ABOUT_ONE), (is_write, OF_WRITES), (is_write and is_own, OF_OWN))
        return ANYWHERE | {status: text for applies, texts in extra if applies for status, text in texts.items()}

    def _get_response_for_code(self, serializer: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(serializer, OpenApiResponse) and not isinstance(serializer.response, dict):
            schema = self._schema_of(serializer.response, {}) if serializer.response else None
            serializer = OpenApiResponse(schema, serializer.description)
        return super()._get_response_for_code(serializer, *args, **kwargs)  # type: ignore[no-untyped-call]

    def _map_basic_serializer(self, serializer: Any, direction: Direction) -> dict[str, Any]:
        """What may be left out is null then: generators would ask for it where no list names what is needed."""
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        for name, member in schema.get("properties", {}).items():
            if None in member.get("enum", ()):  # a list of words that is shared by members would lose its null
                words = [word for word in member.pop("enum") if word is not None]
                del member["x-spec-enum-id"], member["type"]
                member["oneOf"] = [{"type": "string", "enum": words}, {"type": "null"}]
            may_be_null = "null" in member.get("type", ()) or {"type": "null"} in member.get("oneOf", ())
            if may_be_null and name not in schema.get("required", ()):
                member["default"] = None
        return schema

    def _schema_of(self, hint: Any, bound: dict[Any, Any]) -> dict[str, Any]:
        origin, arguments = get_origin(hint), get_args(hint)
        if isinstance(hint, TypeVar):
            return self._schema_of(bound[hint], {})
        if origin is Annotated:
            return {**self._schema_of(arguments[0], bound), "format": arguments[1]}
        if origin in (NotRequired, Required):
            return self._schema_of(arguments[0], bound)
        if origin is list:
            return {"type": "array", "items": self._schema_of(arguments[0], bound)}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._schema_of(arguments[1], bound)}
        if type(None) in arguments:
            return {"oneOf": [self._schema_of(arguments[0], bound), {"type": "null"}]}
        if is_typeddict(origin or hint):
            return self._component(origin or hint, arguments)
        return {} if hint is Any else dict(resolve_type_hint(hint))

    def _component(self, shape: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """Raises TypeError for two shapes of one name: the document would show one of them for both."""
        name = "".join(argument.__name__ for argument in arguments) + shape.__name__
        known = (shape, arguments)
        component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema={"type": "object"}, object=known)
        if component in self.registry and self.registry[component].object != known:
            raise TypeError(f"{name} is both {self.registry[component].object} and {known}")
        if component not in self.registry:
            self.registry.register(component)  # before its members: a shape may contain itself
            bound = dict(zip(getattr(shape, "__parameters__", ()), arguments, strict=True))
            component.schema = self._object(shape, bound)
        return dict(component.ref)

    def _object(self, shape: Any, bound: dict[Any, Any]) -> dict[str, Any]:
        hints = get_type_hints(shape, include_extras=True)
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: self._schema_of(hint, bound) for name, hint in hints.items()},
            "required": sorted(shape.__required_keys__),
        }
        return {**schema, "description": shape.__doc__} if shape.__doc__ else schema


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.BearerAuthentication"
    name = BEARER

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
