import subprocess
import sys

from partnerhub.runtime.bootstrap import ROOT
from partnerhub.runtime.loading import LATER

CHECK = """
import sys, types
sys.argv = ["manage.py", "check", "--fail-level", "WARNING"]
import manage
assert manage.main() == 0
loaded = [name for name in {later} if name in sys.modules and type(sys.modules[name]) is types.ModuleType]
print("loaded:", sorted(loaded))
import aiohttp, redis
print("used:", aiohttp.ClientTimeout(total=3).total, redis.RedisError.__name__, redis.retry.Retry.__name__)
from accounts import keys
from drf_spectacular import plumbing
from partnerhub.sealing import seal, unseal
print("called:", type(plumbing.APIRequestFactory()).__name__, keys.jwt.algorithms.RSAAlgorithm.__name__)
print("sealed:", unseal("a test", seal("a test", b"words")))
print("celery, rich:", "celery.app" in sys.modules, "rich" in sys.modules)
import rich.console
"""


def test_a_command_loads_large_libraries_only_when_it_uses_them() -> None:
    program = CHECK.format(later=sorted(LATER))

    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.stderr == ""
    assert ran.stdout.splitlines()[1:] == [
        "loaded: []",
        "used: 3 RedisError Retry",
        "called: APIRequestFactory RSAAlgorithm",
        "sealed: b'words'",
        "celery, rich: False False",
    ]
