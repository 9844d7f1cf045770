"""Django's form renderer, with the two controls that pages have dozens of written in Python instead of by templates."""

from collections.abc import Mapping
from typing import Any

from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.html import conditional_escape

_WIDGETS = "django/forms/widgets/"
_OPTION = f"{_WIDGETS}select_option.html"
_INPUTS = frozenset(f"{_WIDGETS}{kind}.html" for kind in ("input", "text", "number", "date", "hidden", "email", "url"))


class HubRenderer(TemplatesSetting):
    """Renders what Django's own templates would, but for the white space."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        if template_name in _INPUTS:
            return _input(context["widget"])
        if template_name == f"{_WIDGETS}select.html":
            return self._select(context["widget"])
        return super().render(template_name, context, request)

    def _select(self, widget: Mapping[str, Any]) -> str:
        groups = []
        for name, options, _index in widget["optgroups"]:
            written = "".join([self._option(option) for option in options])
            groups.append(f'<optgroup label="{conditional_escape(name)}">{written}</optgroup>' if name else written)
        name = conditional_escape(widget["name"])
        return f'<select name="{name}"{_attributes(widget["attrs"])}>{"".join(groups)}</select>'

    def _option(self, option: dict[str, Any]) -> str:
        if option["template_name"] != _OPTION:
            return super().render(option["template_name"], {"widget": option})
        value, label = _text(option["value"]), conditional_escape(option["label"])
        return f'<option value="{value}"{_attributes(option["attrs"])}>{label}</option>'


def _input(widget: Mapping[str, Any]) -> str:
    kind, name, value = widget["type"], conditional_escape(widget["name"]), widget["value"]
    given = "" if value is None else f' value="{_text(value)}"'
    return f'<input type="{kind}" name="{name}"{given}{_attributes(widget["attrs"])}>'


def _attributes(attrs: Mapping[str, Any]) -> str:
    written = [
        f" {name}" if value is True else f' {name}="{_text(value)}"'
        for name, value in attrs.items()
        if value is not False
    ]
    return "".join(written)


def _text(value: Any) -> str:
    return conditional_escape(value if hasattr(value, "__html__") else str(value))
