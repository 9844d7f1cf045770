"""Publishers' statements for programs: imported, and compared with what was charged."""

from io import BytesIO
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Actor
from billing.api import draft_examples as examples
from billing.api import draft_shapes
from billing.api.bodies import StatementBody
from billing.api.draft_shapes import StatementCompared, StatementImported, StatementLineShown, StatementShown
from billing.api.drafts import KEEPERS
from billing.api.views import READERS
from billing.models import Statement
from billing.services.statements import Imported, import_statement
from billing.statement_file import UnreadableStatement, read_statement
from billing.statements import Difference, compared, counts_of, missing_there, statements_visible_to
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Collection, collection, guid
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import ConcernsEveryCustomer, InvalidInput, NotFound, NotPermitted

READING = (NotPermitted, NotFound, InvalidInput)
OF_LINES = [kind for kind in Difference if kind != Difference.MISSING_THERE]
DIFFERENCE = OpenApiParameter("difference", {"type": "string", "enum": OF_LINES}, description="Only lines of this one.")


class Statements(OwnResource):
    @operation(
        "listStatements",
        "The publishers' statements that were imported",
        Collection[StatementShown],
        parameters=PAGED,
        about="The oldest import first.",
        roles=READERS,
        refusals=(NotPermitted, InvalidInput),
        answer=examples.STATEMENTS,
    )
    def get(self, request: Request) -> Response:
        rows = statements_visible_to(caller(request))
        page = page_of(rows, request, "/statements", key="imported_at")
        shown = map(draft_shapes.statement, page.rows)
        total, following, preceding = total_of(page, rows), page.following, page.preceding
        return Response(collection(shown, "/statements", total=total, following=following, preceding=preceding))

    @operation(
        "importStatement",
        "Import a publisher's statement",
        StatementImported,
        status=201,
        body=StatementBody,
        about=(
            "`statementId` is the publisher's own: the same again replaces what was imported before. Lines that cannot "
            "be read are named, and nothing is imported."
        ),
        roles=KEEPERS,
        refusals=(*READING, ConcernsEveryCustomer),
        example=examples.STATEMENT_FILE,
        answer=examples.STATEMENT_IMPORTED,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        values = checked(StatementBody(data=body_of(request)))
        return Response(_imported(_import(caller(request), values)), 201)


class StatementById(OwnResource):
    @operation(
        "getStatement",
        "A statement, and how it differs from what was charged",
        StatementCompared,
        about="`differences` and `missingThere` are as of now.",
        roles=READERS,
        refusals=READING,
        answer=examples.STATEMENT,
    )
    def get(self, request: Request, statement_id: str) -> Response:
        found = _statement(caller(request), statement_id)
        missing = [draft_shapes.missing(row) for row in missing_there(found)]
        shown = draft_shapes.statement(found)
        return Response(StatementCompared(**shown, differences=dict(counts_of(found)), missingThere=missing))


class StatementLines(OwnResource):
    @operation(
        "listStatementLineItems",
        "A statement's lines beside what was charged",
        Collection[StatementLineShown],
        parameters=(DIFFERENCE, *PAGED),
        about="In the order of the file.",
        roles=READERS,
        refusals=READING,
        answer=examples.STATEMENT_LINES,
    )
    def get(self, request: Request, statement_id: str) -> Response:
        found = _statement(caller(request), statement_id)
        only, uri = request.query_params.get("difference", ""), f"/statements/{found.pk}/lineitems"
        if only and only not in OF_LINES:
            raise InvalidInput(field="difference", problem=f"one of {', '.join(OF_LINES)} is expected")
        rows = compared(found, only)
        page, total = page_of(rows, request, uri, key="number"), rows.count()
        shown = map(draft_shapes.statement_line, page.rows)
        return Response(collection(shown, uri, total=total, following=page.following, preceding=page.preceding))


def _import(actor: Actor, values: dict[str, Any]) -> Imported:
    rows = read_statement(BytesIO(values["csv"].encode()), "statement.csv")
    try:
        return import_statement(actor, values["publisherId"], values["statementId"], rows, at=now())
    except UnreadableStatement as unreadable:
        raise InvalidInput(field="csv", problem=" ".join(unreadable.problems)) from None


def _imported(done: Imported) -> StatementImported:
    shown = draft_shapes.statement(done.statement)
    return StatementImported(**shown, added=done.added, changed=done.changed, same=done.same, gone=done.gone)


def _statement(actor: Actor, statement_id: str) -> Statement:
    found = statements_visible_to(actor).filter(pk=guid(statement_id, "statement")).first()
    if found is None:
        raise NotFound(what="statement", id=statement_id)
    return found
