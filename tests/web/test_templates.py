"""What every template of the hub keeps: it compiles, and it holds no inline code (the content policy forbids it)."""

import re
from pathlib import Path

import pytest
from django import forms
from django.conf import settings
from django.template.loader import get_template, render_to_string

FOLDER = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
INLINE = re.compile(r"""\sstyle=|\son[a-z]+=["']|<style|<script(?![^>]*\ssrc=)|javascript:|https?://""")
TRANSLATED = re.compile(r"\{% blocktranslate.*?\{% endblocktranslate %\}", re.DOTALL)
PAIRS = [
    ("ink", "paper"), ("ink", "surface"), ("ink-2", "paper"), ("ink-2", "surface"), ("ink-2", "sunken"),
    ("ink-2", "hover"), ("ink-2", "off-soft"), ("accent", "surface"), ("accent", "accent-soft"),
    ("accent-strong", "accent-soft"), ("on-accent", "accent"), ("on-accent", "accent-strong"), ("ok", "ok-soft"),
    ("wait", "wait-soft"), ("attention", "attention-soft"), ("attention", "surface"), ("ink-2", "wait-soft"),
    ("ink-2", "attention-soft"),
]  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_compiles(name):
    assert get_template(name).template.name == name


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_holds_no_inline_code_and_loads_nothing_from_elsewhere(name):
    assert INLINE.findall((FOLDER / name).read_text()) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_leaves_quotation_marks_to_the_language(name):
    assert re.findall(r"[“„]\{\{|\}\}”", TRANSLATED.sub("", (FOLDER / name).read_text())) == []


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("components/")])
def test_component_is_listed_in_the_readme(name):
    assert f"`{Path(name).stem}`" in (FOLDER / "components/README.md").read_text()


def tokens(theme):
    css = (Path(settings.BASE_DIR) / "static/css/hub.css").read_text()
    found = re.findall(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]+), (#[0-9a-f]+)\)", css)
    return {name: (light if theme == "light" else dark) for name, light, dark in found}


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(theme, text, ground):
    colours = tokens(theme)
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "surface", "raised"])
def test_the_edge_of_a_control_can_be_seen(theme, ground):
    colours = tokens(theme)
    assert contrast(colours["edge"], colours[ground]) >= 3


class Quantity(forms.Form):
    quantity = forms.IntegerField(min_value=5, help_text="At least 5.")


def test_a_field_ties_its_help_and_its_errors_to_the_control():
    html = Quantity({"quantity": "2"}).as_div()

    assert 'aria-describedby="id_quantity_helptext id_quantity_error"' in html
    assert 'aria-invalid="true"' in html
    assert '<div class="help" id="id_quantity_helptext">At least 5.</div>' in html
    assert 'id="id_quantity_error"' in html


def test_a_gate_names_the_blocker():
    gate = {"state": "pending", "title": "Licences assigned", "is_blocker": True}
    html = render_to_string("components/gate.html", {"gate": gate})

    assert 'aria-current="step"' in html
    assert "Billing waits for this" in html


def test_a_disabled_control_stays_focusable_and_says_who_can():
    html = render_to_string(
        "components/disabled.html", {"id": "q", "label": "Submit", "reason": "Not yours.", "who": "Admin agent"}
    )

    assert 'aria-disabled="true" aria-describedby="q-why"' in html
    assert " disabled" not in html.replace('aria-disabled="true"', "")
    assert "Who can: Admin agent" in html


def test_the_publisher_link_itself_is_not_in_the_page():
    html = render_to_string("components/private_copy.html", {"url": "/subscriptions/1/link/"})

    assert 'data-copy-from="/subscriptions/1/link/"' in html
    assert "href" not in html


def test_the_page_of_our_own_mistake_needs_no_request():
    assert "The hub made a mistake" in render_to_string("500.html")
