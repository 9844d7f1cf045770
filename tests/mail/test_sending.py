"""Mail leaves once, with no transaction open, and what becomes of it is seen; what it says is forgotten then."""

import re
import socketserver
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from partnerhub.mail.letters import Letter, Link
from partnerhub.mail.models import Message
from partnerhub.mail.sending import EXPIRED, KEPT, UNREADABLE, forget_given_up, send_due
from partnerhub.mail.services import Unpostable, asked_before_sending, post
from tests.factories.subscriptions import NOON

SECRET = "https://publisher.example/landing?token=SECRET"
LETTER = Letter(
    "Two & more", "Dear Łukasz,", ("<b>Please</b>",), (("Offer", "eSign"),), Link("Open", SECRET), "Until Monday."
)
HOUR = timedelta(hours=1)


def posted(key: str = "greeting:1", **different) -> Message:
    values = {"to": "anna@customer.example", "letter": LETTER, "language": "en", "at": NOON} | different
    with transaction.atomic():
        post(key, **values)
    return Message.objects.get(key=key)


def outcome(message: Message) -> tuple[bool, bool, int, str]:
    message.refresh_from_db()
    return message.sent_at is not None, message.failed_at is not None, message.attempts, message.last_error


class TestPosting:
    pytestmark = pytest.mark.django_db

    def test_one_key_is_posted_once(self):
        assert [post("a:1", to="a@b.example", letter=LETTER, language="en", at=NOON) for _ in range(2)] == [True, False]
        assert Message.objects.count() == 1

    @pytest.mark.parametrize(
        "different",
        [
            {"to": "a@b.example\nBcc: x@y.example"},
            {"to": "nobody"},
            {"reply_to": "a@b.example\r\nBcc: x@y.example"},
            {"letter": Letter("Hello\nBcc: x@y.example", "", ())},
            {"letter": Letter("x" * 201, "", ())},
        ],
    )
    def test_nothing_is_smuggled_into_a_header(self, different):
        with pytest.raises(Unpostable):
            posted(**different)
        assert Message.objects.count() == 0

    def test_what_it_says_is_sealed(self):
        assert b"SECRET" not in bytes(posted().body)

    def test_the_database_keeps_no_text_of_what_is_over(self):
        message = posted()
        with pytest.raises(IntegrityError, match="message_kept_until_sent_or_failed"), transaction.atomic():
            Message.objects.filter(pk=message.pk).update(sent_at=NOON, next_attempt_at=None)


@pytest.mark.django_db(transaction=True)
class TestSending:
    def test_it_leaves_once_in_both_shapes_and_is_forgotten(self):
        message = posted(reply_to="piotr@partnerhub.example")

        assert [send_due(lambda: NOON) for _ in range(2)] == [1, 0]

        [sent] = mail.outbox
        [(html, _kind)] = sent.alternatives
        assert (sent.to, sent.reply_to, sent.subject) == (
            ["anna@customer.example"],
            ["piotr@partnerhub.example"],
            "Two & more",
        )
        assert sent.extra_headers["Message-ID"] == f"<{message.pk}@partnerhub.example>"
        assert (SECRET in sent.body, "<b>Please</b>" in sent.body) == (True, True)
        assert (f'href="{SECRET}"' in html, "&lt;b&gt;Please" in html) == (True, True)
        assert outcome(message) == (True, False, 1, "")
        assert bytes(message.body) == b""

    def test_a_lease_keeps_others_away_until_it_runs_out(self):
        message = posted()
        Message.objects.update(lease_until=NOON + HOUR)

        assert send_due(lambda: NOON) == 0
        assert send_due(lambda: NOON + HOUR) == 1
        assert outcome(message)[0]

    def test_what_is_of_no_use_any_more_is_given_up_and_keeps_nobody_waiting(self):
        old = posted("greeting:old", expires_at=NOON)
        asked_before_sending("party")(lambda key: False)
        off = posted("party:1")
        foreign = posted("greeting:foreign")
        Message.objects.filter(pk=foreign.pk).update(body=b"sealed by somebody else")
        good = posted("greeting:good")

        assert send_due(lambda: NOON) == 1

        assert [outcome(one)[1::2] for one in (old, off, foreign)] == [
            (True, EXPIRED),
            (True, "unwanted"),
            (True, UNREADABLE),
        ]
        assert outcome(good)[0]

    def test_without_a_server_it_waits(self, settings):
        settings.HUB_MAIL_READY = False
        message = posted()

        assert send_due(lambda: NOON) == 0
        assert outcome(message) == (False, False, 0, "")

    def test_a_refused_address_fails_at_once_and_the_next_mail_leaves(self, server):
        refused, good = posted("greeting:1", to="gone@customer.example"), posted("greeting:2")

        assert send_due(lambda: NOON) == 1

        assert outcome(refused) == (False, True, 1, "SMTPRecipientsRefused 550")
        assert [forget_given_up(NOON + KEPT - after) for after in (timedelta(seconds=1), timedelta(0))] == [0, 1]
        refused.refresh_from_db()
        assert bytes(refused.body) == b""
        assert outcome(good) == (True, False, 1, "")
        [received] = server.received
        assert re.search(rb"^To: anna@customer.example\r$", received, re.MULTILINE)

    def test_trouble_is_tried_again_and_given_up_after_three_days(self, server, capfd):
        message = posted(to="busy@customer.example")

        for attempt, minutes in enumerate([1, 2, 4, 8], start=1):
            at = Message.objects.get().next_attempt_at
            send_due(lambda at=at: at)
            assert outcome(message) == (False, False, attempt, "SMTPRecipientsRefused 450")
            assert 0.9 <= (message.next_attempt_at - at) / timedelta(minutes=minutes) <= 1.1
        send_due(lambda: NOON + timedelta(days=3))

        assert outcome(message) == (False, True, 5, "SMTPRecipientsRefused 450")
        assert "SECRET" not in "".join(capfd.readouterr())

    def test_a_server_that_is_not_there_is_trouble_too(self, settings):
        settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
        message = posted()

        assert send_due(lambda: NOON) == 0
        assert outcome(message) == (False, False, 1, "ConnectionRefusedError")


class Smtp(socketserver.StreamRequestHandler):
    """Takes mail, but for two addresses: one is gone for good, one is busy."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            self.wfile.write(self._answer(line.strip().lower()))

    def _answer(self, line: bytes) -> bytes:
        if line == b"data":
            self.wfile.write(b"354 go on\r\n")
            self.server.received.append(b"".join(iter(self.rfile.readline, b".\r\n")))
        if line.startswith(b"rcpt to:<gone"):
            return b"550 no such mailbox: SECRET\r\n"
        return b"450 busy: SECRET\r\n" if line.startswith(b"rcpt to:<busy") else b"250 fine\r\n"


@pytest.fixture
def server(settings):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as found:
        found.daemon_threads, found.received = True, []
        threading.Thread(target=found.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = found.server_address
        yield found
        found.shutdown()
