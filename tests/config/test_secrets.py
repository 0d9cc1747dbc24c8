"""Passwords in addresses: found, hidden, refused, or moved to where a client takes them from."""

import pytest

from platform.config.errors import ConfigError, UserError
from platform.config.secrets import has_password, moved_password, no_password, shown_uri

PLANTED = "hunter2"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://ann:hunter2@host:5000/x", "http://ann:***@host:5000/x"),
        ("postgresql+psycopg://ann:hunter2@host/db", "postgresql+psycopg://ann:***@host/db"),
        ("postgresql://host/db?user=ann&password=hunter2", "postgresql://host/db?user=ann&password=***"),
        ("s3://bucket/x?secret_key=hunter2&region=eu", "s3://bucket/x?secret_key=***&region=eu"),
        ("https://host/x?sig=hunter2", "https://host/x?sig=***"),
    ],
)
def test_a_password_is_found_and_hidden(address, shown):
    assert has_password(address)
    assert shown_uri(address) == shown
    with pytest.raises(ValueError, match="must not contain a password, as it is recorded: ") as refused:
        no_password(address)
    assert PLANTED not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:////tmp/a@b.db",
        "http://host:5000",
        "http://ann@host",
        "s3://bucket/x?region=eu",
        "runs/a:b@c",
        "postgresql://host/db?sslkey=/keys/client.pem",
        "/a?b",
    ],
)
def test_what_holds_none_stays_as_it_is(address):
    assert no_password(address) == shown_uri(address) == address
    assert moved_password(address, "NAME", {}) == address


@pytest.mark.parametrize(
    ("address", "clean", "variables"),
    [
        (
            "http://ann:hunter%202@host:5000/x",
            "http://host:5000/x",
            {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "hunter 2"},
        ),
        ("postgresql://ann:hunter2@host/db", "postgresql://ann@host/db", {"PGPASSWORD": "hunter2"}),
        ("mysql+pymysql://ann:hunter2@host/db", "mysql+pymysql://ann@host/db", {"MYSQL_PWD": "hunter2"}),
    ],
)
def test_a_password_of_the_environment_goes_to_the_clients_variables(address, clean, variables):
    environment: dict[str, str] = {}
    assert moved_password(address, "MLFLOW_TRACKING_URI", environment) == clean
    assert environment == variables


def test_one_that_no_variable_takes_is_refused_without_quoting_it():
    for address in ("mssql://ann:hunter2@host/db", "http://host/x?token=hunter2"):
        with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: must not contain a password") as refused:
            moved_password(address, "MLFLOW_TRACKING_URI", {})
        assert PLANTED not in str(refused.value)


@pytest.mark.parametrize(
    "setting",
    ["tracking.uri", "search.storage", "storage.path", "init_from", "teacher"],
)
def test_no_setting_takes_one_and_the_line_does_not_quote_it(setting, root):
    from platform.api import load_space

    address = "postgresql://ann:hunter2@host/db" if "path" not in setting else "hdfs://ann:hunter2@host/x"
    with pytest.raises(ConfigError) as refused:
        load_space(root / "search_spaces/peer.yaml", {setting: address})
    assert str(refused.value).startswith(f"command line: {setting}: must not contain a ")
    assert PLANTED not in str(refused.value)
