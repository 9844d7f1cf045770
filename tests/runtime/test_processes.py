"""How long a start is waited for on a machine that does other work, too."""

import pytest

from partnerhub.runtime.processes import share_of_processor


@pytest.mark.parametrize(("load", "share"), [(0.0, 1.0), (2.0, 1.0), (8.0, 0.25)])
def test_a_process_gets_its_share_of_two_processors(monkeypatch, load, share):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)

    assert share_of_processor() == share
