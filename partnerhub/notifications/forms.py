from collections.abc import Iterator
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from partnerhub.errors import AddressNotAllowed
from partnerhub.notifications.enums import CLASSES, How, Kind, Topic
from partnerhub.notifications.models import Preference
from partnerhub.notifications.selectors import Person, preference_of
from partnerhub.notifications.services.channels import LONGEST_ADDRESS, LONGEST_NAME
from partnerhub.notifications.services.preferences import Chosen
from partnerhub.notifications.wishes import default_how
from partnerhub.notifications.words import CLASS, HOW, KIND, TOPIC
from partnerhub.web.forms import RefusableForm

_PREFIX = "topic_"


class SettingsForm(RefusableForm):
    """What a person is told of and how, when, and by which way."""

    only_own = forms.ChoiceField(
        label=gettext_lazy("Of which subscriptions"),
        choices=[
            ("all", gettext_lazy("All of them")),
            ("own", gettext_lazy("Those I bought, and what is assigned to me")),
        ],
    )
    by_mail = forms.BooleanField(label=gettext_lazy("Tell me by e-mail, too"), required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language of messages"), choices=settings.LANGUAGES)
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"))
    digest_hour = forms.TypedChoiceField(
        label=gettext_lazy("Daily digest at"), choices=[(hour, f"{hour:02}:00") for hour in range(24)], coerce=int
    )
    quiet_from = forms.TimeField(label=gettext_lazy("Quiet hours from"), required=False)
    quiet_until = forms.TimeField(
        label=gettext_lazy("Quiet hours until"),
        required=False,
        help_text=gettext_lazy("Messages wait until the quiet hours are over."),
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        kwargs.setdefault("initial", _initial(person))
        super().__init__(*args, **kwargs)
        zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
        self.fields["zone"].choices = [(zone, zone) for zone in ["UTC", *zones]]  # type: ignore[attr-defined]
        for name in ("quiet_from", "quiet_until"):
            self.fields[name].widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
        for topic in Topic:
            default = HOW[default_how(topic, person.wishes.roles)]
            self.fields[f"{_PREFIX}{topic}"] = forms.ChoiceField(
                label=TOPIC[topic],
                choices=[(how.value, HOW[how]) for how in How],
                help_text=_("Default of your roles: {how}.").format(how=default),
            )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        ends = [given.get("quiet_from"), given.get("quiet_until")]
        if any(ends) != all(end is not None for end in ends):
            self.add_error("quiet_until", _("Quiet hours need a beginning and an end."))
        return given

    def groups(self) -> Iterator[dict[str, Any]]:
        """The classes of topics, each with its fields."""
        for name, topics in CLASSES.items():
            yield {"title": CLASS[name], "id": name, "fields": [self[f"{_PREFIX}{topic}"] for topic in topics]}

    def chosen(self) -> Chosen:
        given = self.cleaned_data
        return Chosen(
            only_own=given["only_own"] == "own",
            by_mail=given["by_mail"],
            language=given["language"],
            zone=given["zone"],
            digest_hour=given["digest_hour"],
            quiet_from=given["quiet_from"],
            quiet_until=given["quiet_until"],
        )

    def hows(self) -> dict[Topic, How]:
        return {topic: How(self.cleaned_data[f"{_PREFIX}{topic}"]) for topic in Topic}


def _initial(person: Person) -> dict[str, Any]:
    kept: Preference = preference_of(person.user)
    shown = {name: getattr(kept, name) for name in Chosen.__slots__}
    shown["only_own"] = "own" if kept.only_own else "all"
    wishes = person.wishes
    hows = {topic: wishes.choices.get(topic) or default_how(topic, wishes.roles) for topic in Topic}
    return shown | {f"{_PREFIX}{topic}": how.value for topic, how in hows.items()}


class ChannelForm(RefusableForm):
    """Another way to be told: what it is, what it is called here, and its secret address."""

    kind = forms.ChoiceField(label=gettext_lazy("Way"), choices=[(kind.value, KIND[kind]) for kind in Kind])
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=LONGEST_NAME,
        help_text=gettext_lazy("For example “Operations on Slack”."),
    )
    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=LONGEST_ADDRESS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Webhook, Slack, Teams: the https:// address that was made there. Another service: its Apprise address, "
            "for example discord://…, tgram://… or pagerduty://…. It is kept sealed and never shown again."
        ),
    )
    refused_at = {AddressNotAllowed: "address"}
