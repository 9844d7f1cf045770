"""The hub's application, whose process is killed where a caller wants it: after the commit, before the answer."""

import os
import signal
from collections.abc import Iterable
from typing import Any

from partnerhub.wsgi import application as whole

LAST_WORDS = "HTTP_LAST_WORDS"


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    answer: Iterable[bytes] = whole(environ, start_response)
    if LAST_WORDS in environ:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
