import gettext
import os
from pathlib import Path

from partnerhub.runtime import messages

POLISH = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=4; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"

msgid "%d licence"
msgid_plural "%d licences"
msgstr[0] "%d licencja"
msgstr[1] "%d licencje"
msgstr[2] "%d licencji"
msgstr[3] "%d licencji"
"""


def test_a_catalogue_is_compiled_with_its_plurals_and_only_when_it_is_newer(tmp_path: Path) -> None:
    source = tmp_path / "pl" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text(POLISH)

    assert messages.compile_all(tmp_path) == [source.with_suffix(".mo")]
    assert messages.compile_all(tmp_path) == []

    with source.with_suffix(".mo").open("rb") as compiled:
        polish = gettext.GNUTranslations(compiled)
    assert [polish.ngettext("%d licence", "%d licences", n) % n for n in (1, 2, 5)] == [
        "1 licencja",
        "2 licencje",
        "5 licencji",
    ]

    later = source.stat().st_mtime_ns + 10**9
    os.utime(source, ns=(later + 10**9, later + 10**9))
    os.utime(source.with_suffix(".mo"), ns=(later, later))
    assert messages.compile_all(tmp_path) == [source.with_suffix(".mo")]
