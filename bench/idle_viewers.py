"""Idle viewers of the queue on one web process.

    python bench/idle_viewers.py BASE_URL EMAIL PASSWORD [VIEWERS] [SECONDS]

Signs in once, opens the queue, and then asks as so many open pages would, every four seconds each, spread evenly. Says
how many answers came by status and how long they took. Beside it, look at the CPU time of the web process
(`ps -o time= -p PID`) and at pg_stat_database.
"""

# ruff: noqa: S310, T201
import re
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

EVERY = 4.0


def signed_in(base: str, email: str, password: str) -> OpenerDirector:
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    page = opener.open(f"{base}/accounts/sign-in/").read().decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    given = {"username": email, "password": password, "csrfmiddlewaretoken": found.group(1) if found else ""}
    opener.open(Request(f"{base}/accounts/sign-in/", urlencode(given).encode(), {"Referer": base}))
    return opener


class Viewers:
    """Open pages of one person: whoever is answered anew tells the others, as if each had been."""

    def __init__(self, opener: OpenerDirector, url: str, etag: str) -> None:
        self.opener, self.url, self.etag = opener, url, etag

    def ask(self) -> tuple[int, float]:
        started = time.perf_counter()
        request = Request(self.url, headers={"If-None-Match": f'"{self.etag}"', "HX-Request": "true"})
        try:
            with self.opener.open(request, timeout=30) as response:
                status, self.etag = response.status, etag_in(response.read().decode())
        except HTTPError as error:
            status, self.etag = error.code, (error.headers["ETag"] or self.etag).strip('"')
        return status, time.perf_counter() - started


def etag_in(page: str) -> str:
    found = re.search(r'data-etag="([^"]+)"', page)
    if found is None:
        raise SystemExit("no ETag on the page: was the password right?")
    return found.group(1)


def main(base: str, email: str, password: str, viewers: int = 500, seconds: int = 60) -> None:
    opener = signed_in(base, email, password)
    page = opener.open(f"{base}/attention/?view=all").read().decode()
    idle = Viewers(opener, f"{base}/attention/live/?view=all", etag_in(page))
    gap, total = EVERY / viewers, int(viewers * seconds / EVERY)
    with ThreadPoolExecutor(32) as threads:
        started, asked = time.perf_counter(), []
        for number in range(total):
            time.sleep(max(0.0, started + number * gap - time.perf_counter()))
            asked.append(threads.submit(idle.ask))
        answers = [one.result() for one in asked]
        took = time.perf_counter() - started
    times = sorted(seconds for _status, seconds in answers)
    statuses = dict(Counter(status for status, _seconds in answers))
    print(f"{total} questions in {took:.1f} s ({total / took:.0f} a second): {statuses}")
    print(f"median {times[len(times) // 2] * 1000:.1f} ms, p99 {times[int(len(times) * 0.99)] * 1000:.1f} ms")


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:6]))
