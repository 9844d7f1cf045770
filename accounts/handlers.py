"""What is done about a forgotten password, after the answer that tells nobody whether there is such an account."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.events import PasswordResetAsked
from accounts.letters import language_of, reset_letter
from accounts.models import User
from partnerhub.mail.services import post
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import handles

# Whoever asks often gets one mail for that long.
ONE_MAIL_IN = timedelta(minutes=5)


@handles(PasswordResetAsked.name)
def mail_link(event: Event, at: datetime) -> None:
    """Mail the link to who has a password; whom only the organisation's directory lets in gets none."""
    user = User.objects.filter(pk=event.stream_id, is_active=True).first()
    if user is None or not user.has_usable_password():
        return
    uid, token = urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)
    link = settings.HUB_BASE_URL + reverse("account_reset_password_from_key", args=[uid, token])
    until = at + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    slot = int(event.at.timestamp() // ONE_MAIL_IN.total_seconds())
    letter = reset_letter(user, link, until)
    key = f"password-reset:{user.pk}:{slot}"
    post(key, to=user.email, letter=letter, language=language_of(user), at=at, expires_at=until)
