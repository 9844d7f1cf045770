"""Run the demo publishers: `python -m publishers.demo --port P --hub BASE_URL --data DIR --config DEMO_JSON`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from aiohttp import web

from publishers.demo.app import Options, build

HOST = "127.0.0.1"
log = logging.getLogger("demo_publisher")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m publishers.demo", description="Vendors to try a hub with.")
    parser.add_argument("--port", type=int, required=True, help="port to listen on, on 127.0.0.1")
    parser.add_argument("--hub", required=True, help="base URL of the hub")
    parser.add_argument("--data", type=Path, required=True, help="folder in which the orders are kept")
    parser.add_argument("--config", type=Path, required=True, help="the hub's demo.json; may appear later")
    parser.add_argument("--slow-seconds", type=float, default=8, help="length of one step of the slow vendor")
    parser.add_argument("--patience-seconds", type=float, default=15, help="how long a person may think of a change")
    parser.add_argument(
        "--verify-hub",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="check that the hub signed its calls; by default as soon as it publishes its keys",
    )
    return parser


def main() -> None:
    given = arguments().parse_args()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # The server quotes request lines it cannot parse, and those may hold a purchase token.
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL + 1)
    options = Options(given.hub, given.data, given.config, given.slow_seconds, given.patience_seconds, given.verify_hub)
    log.info("listening on http://%s:%d", HOST, given.port)
    app = build(options)
    web.run_app(
        app,
        host=HOST,
        port=given.port,
        access_log=None,
        print=None,
        shutdown_timeout=0.2,
        handler_cancellation=True,
    )


if __name__ == "__main__":
    main()
