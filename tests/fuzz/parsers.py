"""Everything that reads what strangers wrote: bytes in, a value or its own refusal out, and never anything else.

Each parser takes whatever bytes there are. `SEEDS` are texts of the kind that it reads, to begin with.
"""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.test import RequestFactory
from multidict import CIMultiDict, CIMultiDictProxy
from rest_framework.request import Request

from accounts.devices import device_words
from billing.statement_file import UnreadableStatement, read_statement
from customers.imports import CUSTOMER_COLUMNS
from partnerhub.addresses import check_url, is_public_address
from partnerhub.api.etag import etag_of, version_seen
from partnerhub.api.reading import filter_of, storable
from partnerhub.errors import AddressNotAllowed, HubError, InvalidInput, PlaceholderUnknown
from partnerhub.logs import redact
from partnerhub.web.uploads import UnreadableTable, read_table
from publishers.fulfillment.calling import retry_after
from publishers.fulfillment.exchanging import Reply
from publishers.fulfillment.reading import Unreadable, excerpt, read_operation, read_pending, read_reason, read_said
from publishers.policy_kinds import KINDS
from publishers.services.document import read_document
from subscriptions.bulk_file import FileUnreadable, read_lines
from subscriptions.fulfillment_api.bodies import acknowledgement, subscriber_plan
from subscriptions.fulfillment_api.errors import Fault
from subscriptions.page_letters import check_template

ID = UUID("0c4b5f5a-92a4-4b6e-8a4e-1b1a2f3c4d5e")
SECRET = "s3cr3t-of-somebody"
FACTORY = RequestFactory()
SHEET = "xl/worksheets/sheet1.xml"
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_PACKAGE = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook {_NS} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}


def packed(sheet: bytes) -> bytes:
    """An XLSX file around the XML of its one sheet."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        for name, text in _PACKAGE.items():
            package.writestr(name, text)
        package.writestr(SHEET, sheet)
    return file.getvalue()


def crooked(package: bytes) -> bytes:
    """A packed file whose parts begin before it does, as its directory has it."""
    offset = int.from_bytes(package[-6:-2], "little") + 117
    return package[:-6] + offset.to_bytes(4, "little") + package[-2:]


def sheet_of(*rows: tuple[str, ...]) -> bytes:
    """The XML of a sheet of texts."""
    lines = (
        f'<row r="{number}">'
        + "".join(
            f'<c r="{"ABCDEFGH"[place]}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
            for place, cell in enumerate(row)
        )
        + "</row>"
        for number, row in enumerate(rows, start=1)
    )
    return f"<worksheet {_NS}><sheetData>{''.join(lines)}</sheetData></worksheet>".encode()


def _text(data: bytes) -> str:
    """Text as JSON can spell it: halves of surrogate pairs too."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _is_short(problems: list[str]) -> None:
    """What people are told is a few sentences, not what they sent."""
    assert 1 <= len(problems) <= 20
    assert all(len(problem) <= 300 for problem in problems)


def customer_file(data: bytes) -> None:
    try:
        lines = read_table(data, columns=CUSTOMER_COLUMNS, required=("domain",), most=50)
    except UnreadableTable:
        return
    assert all(storable(cell) for line in lines for cell in line.cells.values())


def bulk_file(data: bytes) -> None:
    try:
        lines = read_lines(data)
    except FileUnreadable:
        return
    assert all(1 <= line.asked.get("quantity", 1) < 2**31 and storable(line.id) for line in lines)


def statement_csv(data: bytes) -> None:
    _statement(data, "month.csv")


def statement_xlsx(data: bytes) -> None:
    _statement(data, "month.xlsx")


def statement_sheet(data: bytes) -> None:
    _statement(packed(data), "month.xlsx")


def _statement(data: bytes, name: str) -> None:
    try:
        rows = list(read_statement(io.BytesIO(data), name))
    except UnreadableStatement as refusal:
        _is_short(refusal.problems)
        return
    for row in rows:
        assert storable(row.named)
        assert 1 <= len(row.named) <= 100
        assert 0 <= row.quantity < 10**9
        assert abs(row.amount) < 10**10
        assert row.amount == row.amount.quantize(Decimal("0.0001"))


def subscription_said(data: bytes) -> None:
    try:
        said = read_said(data, ID)
    except Unreadable as refusal:
        _is_short([str(refusal)])
        return
    assert storable(said.message + said.plan_id + said.action_url)


def operation_said(data: bytes) -> None:
    for read in (lambda: read_operation(data, str(ID)), lambda: read_pending(data), lambda: read_reason(data)):
        try:
            read()
        except Unreadable as refusal:
            _is_short([str(refusal)])


def answer_head(data: bytes) -> None:
    """Retry-After and Date of a publisher's answer, on a line each."""
    lines = [*data.decode("latin-1").replace("\r", "").split("\n", 1), ""]
    reply = Reply(503, CIMultiDictProxy(CIMultiDict({"Retry-After": lines[0], "Date": lines[1]})), b"")
    wait = retry_after(reply)
    assert wait is None or wait >= timedelta()


def shown_text(data: bytes) -> None:
    shown = excerpt(_text(data))
    assert len(shown) <= 81
    assert shown.isprintable()


def publisher_file(data: bytes) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        document = read_document(value)
    except HubError:
        return
    assert storable(document.name + document.landing_url + document.contact_email)


def policy_values(data: bytes) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = _text(data)
    for kind in KINDS.values():
        try:
            stored = kind.stored(value)
        except ValueError:
            continue
        assert storable(stored)


def publisher_call(data: bytes) -> None:
    request = FACTORY.generic("PATCH", "/api/saas/", data, "application/json")
    for read in (subscriber_plan, acknowledgement):
        try:
            read(request)
        except Fault:
            continue


def list_filter(data: bytes) -> None:
    request = Request(FACTORY.get("/v1/subscriptions", {"filter": _text(data).encode("utf-8", "replace").decode()}))
    try:
        asked = filter_of(request, ("domain", "name"), ("starts_with", "equals"))
    except InvalidInput:
        return
    assert asked is None or storable(asked.value)


def if_match(data: bytes) -> None:
    request = Request(FACTORY.get("/", headers={"If-Match": data.decode("latin-1")}))
    version_seen(request, {}, ID)
    version_seen(request, {"attributes": {"etag": _text(data)}}, ID)


def address(data: bytes) -> None:
    """What is accepted names a host, and a literal address that is accepted is public."""
    text = _text(data)
    try:
        check_url(text, allow_private=True)
    except AddressNotAllowed:
        return
    assert text.lower().startswith(("http://", "https://"))
    assert "@" not in text.partition("//")[2].partition("/")[0].partition("?")[0].partition("#")[0]


def ip_address(data: bytes) -> None:
    try:
        is_public_address(_text(data))
    except ValueError:
        return


def log_line(data: bytes) -> None:
    """A secret in the usual places of a line is blanked, whatever stands around it."""
    around = _text(data)
    line = {
        "event": f"{around} token={SECRET}&x",
        "password": around,
        "said": f'{{"client_secret": "{SECRET}"}} {around}',
    }
    assert SECRET not in json.dumps(redact(None, "", line))


def letter_template(data: bytes) -> None:
    try:
        check_template("About {offer}", _text(data))
    except (InvalidInput, PlaceholderUnknown):
        return


def browser_name(data: bytes) -> None:
    assert device_words(_text(data)).isprintable()


HEADING = ("subscription", "period", "quantity", "amount", "currency")
LINE = ("sub-1", "2026-11", "7", "1 234,50", "EUR")
_CSV = b"\n".join(";".join(cells).encode() for cells in (HEADING, LINE))
_DOCUMENT = json.dumps(
    {
        "name": "Kontoso",
        "adapter": "saas_v2_polled",
        "fulfillment_base_url": "https://api.example",
        "landing_url": "https://example/landing",
        "contact_email": "a@b.example",
        "policies": {"cancel_window": "P7D"},
        "offers": [
            {
                "offer_id": "crm",
                "title": "CRM",
                "plans": [
                    {
                        "plan_id": "gold",
                        "title": "Gold",
                        "pricing": "per_user",
                        "setup_questions": [{"key": "domain", "kind": "domain", "label": "Domain"}],
                        "terms": [{"term": "P1Y", "billing_cycle": "monthly", "prices": {"EUR": "10.08"}}],
                    }
                ],
            }
        ],
    }
).encode()

PARSERS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "customer-file": (customer_file, [b"domain,name\na.example,Kontoso", "\ufeffdomain;city\n'=1;Łódź".encode()]),
    "bulk-file": (
        bulk_file,
        [
            f"id,quantity,auto_renew\n{ID},9,on".encode(),
            f"id;nickname\n{ID};'=1".encode(),
            f"id,quantity\n{ID},00000000000123456789012".encode(),
        ],
    ),
    "statement-csv": (statement_csv, [_CSV, _CSV.replace(b";", b"\t")]),
    "statement-xlsx": (statement_xlsx, [packed(sheet_of(HEADING, LINE)), crooked(packed(sheet_of(HEADING, LINE)))]),
    "statement-sheet": (statement_sheet, [sheet_of(HEADING, LINE), sheet_of(HEADING, ("_x0000_", *LINE[1:]))]),
    "subscription-said": (
        subscription_said,
        [b'{"saasSubscriptionStatus": "Subscribed", "planId": "gold", "quantity": 7, "messageToPartner": "Hi"}'],
    ),
    "operation-said": (
        operation_said,
        [
            f'{{"id": "{ID}", "status": "Failed", "errorMessage": "No"}}'.encode(),
            b'{"operations": [{"id": "1", "action": "ChangeQuantity", "quantity": "9", "status": "InProgress"}]}',
        ],
    ),
    "answer-head": (answer_head, [b"120\n", b"Mon, 23 Nov 2026 12:00:00 GMT\nMon, 23 Nov 2026 11:00:00 +0100"]),
    "shown-text": (shown_text, [b"Bearer abc.def.ghi failed", "Błąd\u202e\x07 {token: x}".encode()]),
    "publisher-file": (publisher_file, [_DOCUMENT]),
    "policy-values": (policy_values, [b'"P7D"', b'"10% 200 EUR"', b'["Paid"]', b'"90 60 30 7 1"', b'"PT5M"']),
    "publisher-call": (publisher_call, [b'{"planId": "gold", "quantity": "9"}', b"{'status': 'Failure'}"]),
    "list-filter": (list_filter, [b'{"Field": "Domain", "Value": "a.example", "Operator": "starts_with"}']),
    "if-match": (if_match, [etag_of(ID, 3).encode(), b'W/"' + etag_of(ID, 3).encode() + b'"', b"*"]),
    "address": (address, [b"https://example.com:8443/a?b=c#d", b"http://user:word@[::1]/", b"https://\xe2\x91\xa0.example"]),
    "ip-address": (ip_address, [b"127.0.0.1", b"::ffff:10.0.0.1", b"64:ff9b::a00:1%eth0", b"2002:7f00:1::"]),
    "log-line": (log_line, [b"GET /c/aaaaaaaaaaaaaaaaaaaaaaaa Bearer x", b'"token": "a\\"b"']),
    "letter-template": (letter_template, [b"Hello {contact},\n\n{offer} {nobody}", b"{{offer}}"]),
    "browser-name": (browser_name, [b"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"]),
}  # fmt: skip
