"""Compiles the translations; gettext's own compiler is absent on a fresh machine."""

from pathlib import Path

from partnerhub.runtime.bootstrap import ROOT

LOCALE = ROOT / "partnerhub" / "locale"


def compile_all(locale: Path = LOCALE) -> list[Path]:
    """Write a `.mo` beside every `.po` that is newer; answers the ones written."""
    return [_compile(source) for source in sorted(locale.glob("*/LC_MESSAGES/*.po")) if _is_stale(source)]


def _is_stale(source: Path) -> bool:
    target = source.with_suffix(".mo")
    return not target.exists() or target.stat().st_mtime_ns < source.stat().st_mtime_ns


def _compile(source: Path) -> Path:
    import polib  # noqa: PLC0415 - hardly ever is anything stale

    target = source.with_suffix(".mo")
    part = target.with_suffix(".part")
    polib.pofile(str(source)).save_as_mofile(str(part))
    part.replace(target)  # a process that starts meanwhile never reads half a file
    return target
