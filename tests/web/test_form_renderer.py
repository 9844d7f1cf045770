"""The controls that are written in Python are those of Django's templates."""

import re
from datetime import date

import pytest
from django import forms
from django.forms.renderers import TemplatesSetting
from django.utils.translation import gettext_lazy as _

from partnerhub.web.form_renderer import HubRenderer

CHOICES = [("", _("All")), ("x", "<X> & 'Y'"), ("of a group", [("y", "Y"), (3, "three")])]


class Every(forms.Form):
    text = forms.CharField(max_length=5, initial="<&\"'>")
    whole = forms.IntegerField(min_value=0, max_value=3, initial=2)
    day = forms.DateField(widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), initial=date(2026, 1, 2))
    chosen = forms.ChoiceField(choices=CHOICES, initial="y", required=False)
    several = forms.TypedMultipleChoiceField(choices=[(1, "a"), (2, "b")], initial=[1, 2])
    hidden = forms.CharField(widget=forms.HiddenInput({"data-on": True, "data-off": False}), initial="1")
    mail = forms.EmailField(required=False)
    ticked = forms.BooleanField()
    unknown = forms.NullBooleanField()


@pytest.mark.parametrize("data", [None, {"text": "é<", "chosen": "x", "several": ["2"], "whole": "nope"}])
def test_each_control_is_as_django_writes_it(data):
    ours, theirs = (Every(data, renderer=renderer()) for renderer in (HubRenderer, TemplatesSetting))

    assert {name: _plain(ours[name]) for name in ours.fields} == {name: _plain(theirs[name]) for name in ours.fields}


def _plain(field: forms.BoundField) -> str:
    return re.sub(r">\s+<", "><", str(field)).strip()
