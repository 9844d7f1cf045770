"""A web process has loaded everything before anybody asks, and the garbage collector leaves that alone."""

import os
import subprocess
import sys

LOOK = """
import gc, sys
import partnerhub.wsgi
frozen = gc.get_freeze_count()
views = {"subscriptions.api.listing", "subscriptions.views.listing", "billing.views", "partnerhub.v1"}
print(sorted(views - sys.modules.keys()), len(gc.get_objects()) < frozen / 10)
"""


def test_a_web_process_begins_with_all_views_loaded_and_kept_out_of_collections():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, env=os.environ)

    assert done.stdout.split("\n")[-2] == "[] True"
