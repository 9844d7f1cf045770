"""How the list of subscriptions comes to be seen in Chromium: first byte, first paint, everything, and what is sent."""

import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.figures import Absolute, Ratio, conditions, say, written
from bench.machine import Machine, free_port, wait_for
from partnerhub.runtime import ports
from partnerhub.runtime.browser import find_chromium
from partnerhub.runtime.programs import WEB

PAGES = {"list": "/subscriptions/", "queue": "/attention/", "Home": "/"}
VIEW = {"width": 1360, "height": 900}
# Before anything of the page runs, so that no shift is missed.
_WATCH = """
window.shifted = 0;
new PerformanceObserver(list => { for (const entry of list.getEntries()) window.shifted += entry.value; })
  .observe({ type: "layout-shift", buffered: true });
"""
_TOLD = """
() => {
  const [page] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const files = performance.getEntriesByType("resource").filter(one => one.startTime < page.loadEventEnd);
  return {
    "first byte": page.responseStart, "first paint": paint ? paint.startTime : page.loadEventEnd,
    "load": page.loadEventEnd, "shift": window.shifted,
    "page kB": page.transferSize / 1000,
    "all kB": (page.transferSize + files.reduce((sum, one) => sum + one.transferSize, 0)) / 1000,
  };
}
"""
_PART = """
async () => {
  const headers = {"HX-Request": "true", "HX-Target": "results"};
  const answer = await fetch("/subscriptions/?sort=purchased", {headers});
  await answer.text();
  return performance.getEntriesByType("resource").at(-1).transferSize / 1000;
}
"""
Seen = dict[str, float]


def looked_at(running: Machine, database: str, rounds: int, path: Path | None, size: int) -> None:
    """Load each page with a new cache and once more with it, in every round; say and keep what was seen."""
    port = free_port()
    given = {"DATABASE_URL": database, "HUB_PORT": str(port), "ALLOWED_HOSTS": "127.0.0.1,testserver"}
    cookie = _cookie(running, given)
    web = [str(Path(sys.executable).parent / "granian"), *WEB.split(), "--port", str(port)]
    running.spawn("web", [*web, "partnerhub.wsgi:application"], **given)
    wait_for(lambda: not ports.is_free(port))
    seen: dict[str, list[Seen]] = {}
    parts = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        for number in range(rounds + 1):
            one = {name: _loads(browser, f"http://127.0.0.1:{port}{place}", cookie) for name, place in PAGES.items()}
            if not number:  # the servers' own first time
                continue
            parts.append(one["list"][1].pop("part kB"))
            for name, (cold, warm) in one.items():
                seen.setdefault(f"{name}, nothing cached", []).append(cold)
                seen.setdefault(f"{name}, files cached", []).append(warm)
            say(f"{number}/{rounds}  the list: {one['list'][0]['load']:.0f} ms, then {one['list'][1]['load']:.0f} ms")
        browser.close()
    _kept(seen, parts, path, size)


def _loads(browser: Browser, address: str, cookie: dict[str, str]) -> tuple[Seen, Seen]:
    context = browser.new_context(viewport=VIEW)  # type: ignore[arg-type]
    context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": address}])
    context.add_init_script(_WATCH)
    page = context.new_page()
    cold, warm = _load(page, address), _load(page, address)
    warm["part kB"] = page.evaluate(_PART)
    context.close()
    return cold, warm


def _load(page: Page, address: str) -> Seen:
    page.goto(address, wait_until="load")
    page.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
    page.wait_for_timeout(300)  # for what might still move
    told: Seen = page.evaluate(_TOLD)
    return told


def _cookie(running: Machine, given: dict[str, str]) -> dict[str, str]:
    process = running.spawn("cookie", [sys.executable, "-m", "bench.page_ways", "cookie"], **given)
    log = running.folder / "cookie.log"
    failed, told = process.wait(), log.read_text(encoding="utf-8")
    log.unlink()
    if failed:
        raise RuntimeError(told[-2000:])
    found: dict[str, str] = json.loads(told.splitlines()[-1])
    return found


def _kept(seen: dict[str, list[Seen]], parts: list[float], path: Path | None, size: int) -> None:
    units: dict[str, Any] = {"first byte": "ms", "first paint": "ms", "load": "ms", "shift": "", "page kB": "kB"}
    units |= {"all kB": "kB"}
    told = [
        Absolute(f"{page}: {what}", unit, [one[what] for one in each])
        for page, each in seen.items()
        for what, unit in units.items()
    ]
    loaded = [one["all kB"] for one in seen["list, nothing cached"]]
    ratios = [
        Ratio("", "bytes of the list and its files ÷ 150 kB", [one / 150 for one in loaded], 1, better="lower"),
        Ratio(
            "",
            "bytes of the list's htmx part ÷ the list and its files",
            [part / one for part, one in zip(parts, loaded, strict=True)],
            better="lower",
        ),
    ]
    written(path, "pages-in-chromium", conditions=conditions(size=size), ratios=ratios, absolute=told)
