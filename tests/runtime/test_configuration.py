import re
from pathlib import Path

import environ
import pytest

from partnerhub.runtime import embedded
from partnerhub.runtime.bootstrap import ROOT
from partnerhub.runtime.configuration import Configuration, ConfigurationError, configuration, demo_environment


def test_an_empty_environment_is_the_default_hub() -> None:
    assert configuration({}) == Configuration(
        port=8000, folder=ROOT / ".hub", base_url="http://127.0.0.1:8000", database_url=None, redis_url=None
    )


def test_a_second_hub_has_its_own_port_folder_and_address() -> None:
    hub = configuration({"HUB_PORT": "8100", "HUB_DATA": "/srv/two"})

    assert (hub.folder, hub.base_url) == (Path("/srv/two"), "http://127.0.0.1:8100")
    assert (hub.publisher_port, hub.publisher_url) == (8101, "http://127.0.0.1:8101")


@pytest.mark.parametrize("port", ["http", "0", "65535", "-1", "8000.5"])
def test_a_port_that_cannot_be_is_refused_by_name(port: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"HUB_PORT is '{port}'"):
        configuration({"HUB_PORT": port})


def test_processes_of_the_demo_get_everything_that_makes_them_this_hub() -> None:
    hub = configuration({"HUB_PORT": "8100", "HUB_DATA": "/srv/two"})
    given = {"HUB_ENV": "production", "HUB_CLOCK_OFFSET": "P30D"}
    handed = demo_environment(hub, given, database_url="postgres://d", redis_url="unix:///r", secret_key="s" * 50)

    assert {name: handed[name] for name in handed if name.startswith("HUB_") or name.endswith(("_URL", "_KEY"))} == {
        "HUB_ENV": "demo",
        "HUB_PORT": "8100",
        "HUB_DATA": "/srv/two",
        "HUB_BASE_URL": "http://127.0.0.1:8100",
        "HUB_ALLOW_PRIVATE_PUBLISHERS": "true",
        "HUB_CLOCK_OFFSET": "P30D",
        "DATABASE_URL": "postgres://d",
        "REDIS_URL": "unix:///r",
        "SECRET_KEY": "s" * 50,
    }


@pytest.mark.parametrize("folder", ["/srv/hub/postgres", "/srv/a hub/100%/postgres"])
def test_django_environ_reads_the_socket_url(folder: str) -> None:
    read = environ.Env.db_url_config(embedded.socket_url(Path(folder)))

    assert (read["HOST"], read["USER"], read["NAME"]) == (folder, "hub", "hub")


def test_a_socket_path_fits_up_to_107_bytes() -> None:
    assert embedded.fits_socket(Path("/" + "x" * 106))
    assert not embedded.fits_socket(Path("/" + "x" * 107))
    assert not embedded.fits_socket(Path("/" + "ż" * 54))


def test_every_variable_the_settings_read_stands_in_the_example() -> None:
    settings = (ROOT / "partnerhub" / "settings.py").read_text()
    read = set(re.findall(r'\benv(?:\.\w+)?\(\s*"(\w+)"', settings))
    named = set(re.findall(r"^(?:# )?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert read - named == set()
