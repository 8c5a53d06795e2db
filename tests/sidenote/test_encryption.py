"""No server elsewhere is sent reports or thumbnails without TLS, unless the site names its host."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidenote.encryption import milvus_hosts, postgres_hosts, refuse_cleartext
from sidenote.errors import SettingsInvalid
from sidenote.settings import Settings, cards_url_of

MILVUS = [
    ("https://milvus.example:19530", ()),
    ("HTTPS://milvus.example", ()),
    ("http://localhost:19530", ()),
    ("http://127.9.9.9:19530", ()),
    ("http://[::1]:19530", ()),
    ("cases.db", ()),
    ("/srv/http://cases.db", ()),
    ("unix:/run/milvus.sock", ()),
    ("http://milvus.example:19530", ("milvus.example",)),
    ("http://user:word@Milvus.Example", ("milvus.example",)),
    ("tcp://10.0.0.4:19530", ("10.0.0.4",)),
    ("milvus.example:19530", ("milvus.example",)),
    ("http://milvus.example:19530/cases.db", ("milvus.example",)),
    ("TCP://milvus.example/cases.db", ("milvus.example",)),
    ("http://127.0.0.1.evil.example", ("127.0.0.1.evil.example",)),
    ("http://localhost@evil.example", ("evil.example",)),
    ("http://2130706433", ("2130706433",)),
    ("http://[::ffff:10.0.0.1]", ("::ffff:10.0.0.1",)),
    ("http://[broken", ("",)),
    ("", ("",)),
]


@pytest.mark.parametrize(("uri", "hosts"), MILVUS)
def test_milvus_elsewhere_is_asked_with_tls(uri: str, hosts: tuple[str, ...]) -> None:
    assert milvus_hosts(uri) == set(hosts)


POSTGRES = [
    ("postgresql://db.example/x?sslmode=verify-full", ()),
    ("postgresql://db.example/x?sslmode=verify-ca", ()),
    ("postgresql:///x", ()),
    ("postgresql://localhost/x?sslmode=disable", ()),
    ("postgresql://%2Frun%2Fpostgresql/x", ()),
    ("postgresql://u:w@[::1]:5433/x", ()),
    ("postgresql://db.example/x", ("db.example",)),
    ("postgresql://db.example/x?sslmode=require", ("db.example",)),
    ("postgresql://db.example/x?sslmode=prefer", ("db.example",)),
    ("postgresql://db.example/x?sslmode=disable", ("db.example",)),
    ("postgresql://localhost,Db.Example/x", ("db.example",)),
    ("postgresql://localhost/x?hostaddr=10.0.0.4", ("10.0.0.4",)),
    ("postgresql://localhost/x?host=db.example", ("db.example",)),
    ("postgresql://localhost/x?service=elsewhere", ("elsewhere",)),
    ("postgresql://db.example/x?nonsense=1", ("",)),
]


@pytest.mark.parametrize(("url", "hosts"), POSTGRES)
def test_postgresql_elsewhere_proves_who_it_is(url: str, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")
    for name in ("PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    assert postgres_hosts(url) == set(hosts)


@pytest.mark.parametrize(
    ("variables", "hosts"),
    [
        ({"PGHOST": "db.example"}, ("db.example",)),
        ({"PGHOST": "db.example", "PGSSLMODE": "verify-full"}, ()),
        ({"PGHOSTADDR": "10.0.0.4"}, ("10.0.0.4",)),
        ({"PGSERVICE": "elsewhere", "PGSSLMODE": "verify-full"}, ("elsewhere",)),
    ],
)
def test_what_libpq_reads_of_its_environment_counts(
    variables: dict[str, str], hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert postgres_hosts("postgresql:///x") == set(hosts)


def test_a_host_is_allowed_by_its_name_alone() -> None:
    refuse_cleartext("key", {"db.example"}, ("DB.example",), "")
    refuse_cleartext("key", (), (), "")
    for allowed in ((), ("example",), ("db.example.org",)):
        with pytest.raises(SettingsInvalid, match=r"^milvus_uri: .* unencrypted_hosts$"):
            refuse_cleartext("milvus_uri", {"db.example"}, allowed, "write https://")


def test_the_database_of_the_cards_is_not_asked_in_plain_text(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")
    file = tmp_path / "url"
    file.write_text("postgresql://user:word@db.example/cases\n")
    settings = Settings.model_validate({"home": tmp_path, "cards_url_file": file})
    with pytest.raises(SettingsInvalid, match="verify-full") as refused:
        cards_url_of(settings)
    assert "word" not in str(refused.value)
    assert "db.example" not in str(refused.value)
    allowing = settings.model_copy(update={"unencrypted_hosts": ("db.example",)})
    assert cards_url_of(allowing) == "postgresql://user:word@db.example/cases"
