"""The anchor: an aiohttp client that asks as often as it can and keeps nothing. Its own process."""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp


async def _ask(session: aiohttp.ClientSession, urls: Iterator[str]) -> None:
    for url in urls:
        async with session.get(url) as response:
            await response.read()


async def _run(urls: list[str], places: int) -> tuple[float, float]:
    """The seconds and the CPU seconds of asking, without those of starting Python."""
    connector = aiohttp.TCPConnector(limit=places, limit_per_host=places)
    async with aiohttp.ClientSession(connector=connector) as session:
        left = iter(urls)
        begun, used = time.monotonic(), time.process_time()
        await asyncio.gather(*(_ask(session, left) for _ in range(places)))
        return time.monotonic() - begun, time.process_time() - used


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--urls", type=Path, required=True)
    parser.add_argument("--places", type=int, required=True)
    given = parser.parse_args()
    seconds, cpu = asyncio.run(_run(given.urls.read_text(encoding="utf-8").split(), given.places))
    sys.stdout.write(f"{seconds} {cpu}\n")
