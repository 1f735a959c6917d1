from __future__ import annotations

from pathlib import Path

import pytest

from tokenmill.kit.faults import Code, Fault
from tokenmill.settings import load_settings, read_password, read_secret, shown, without_effect

LITERAL = "hunter2-hunter2-hunter2-hunter2-hunter2"


def complaint(data: Path, toml: str = "", **environ: str) -> str:
    """The message with which these settings are refused."""
    (data / "tokenmill.toml").write_text(toml)
    with pytest.raises(Fault) as caught:
        load_settings(data, None, environ)
    assert caught.value.code is Code.MISCONFIGURED
    return caught.value.message


def test_without_a_file_the_defaults_hold_and_point_into_the_data_directory(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, None, {})
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.database.url == f"sqlite:///{tmp_path}/tokenmill.db"
    assert settings.security.secret == f"file:{tmp_path}/secret"


def test_the_environment_wins_over_the_file_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "tokenmill.toml").write_text('[server]\nport = 1\nhost = "0.0.0.0"\n[logs]\njson = false')
    settings = load_settings(
        tmp_path, None, {"TOKENMILL__SERVER__PORT": "2", "TOKENMILL__LOGS__JSON": "true"}
    )
    assert (settings.server.host, settings.server.port, settings.logs.as_json) == ("0.0.0.0", 2, True)


def test_lists_in_the_environment_are_json(tmp_path: Path) -> None:
    name = "TOKENMILL__SECURITY__SECRETS_OLD"
    assert load_settings(tmp_path, None, {name: '["env:A"]'}).security.secrets_old == ("env:A",)
    assert "JSON" in complaint(tmp_path, **{name: "env:A"})


def test_a_named_file_is_read_instead_of_the_default_one(tmp_path: Path) -> None:
    (tmp_path / "tokenmill.toml").write_text("[server]\nport = 1")
    other = tmp_path / "other.toml"
    other.write_text("[server]\nport = 2")
    assert load_settings(tmp_path, other, {}).server.port == 2


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"nowhere\.toml cannot be read"):
        load_settings(tmp_path, tmp_path / "nowhere.toml", {})


def test_relative_paths_are_relative_to_the_data_directory_whatever_the_file(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "etc" / "settings.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(
        '[database]\nurl = "sqlite:///own.db"\n[security]\nsecret = "file:own-secret"\n'
        '[search]\ncorpus = "pages.jsonl"\n[moderation]\nlists = ["builtin:zh", "own.txt"]'
    )
    settings = load_settings(data, elsewhere, {})
    assert settings.database.url == f"sqlite:///{data}/own.db"
    assert settings.security.secret == f"file:{data}/own-secret"
    assert settings.search.corpus == f"{data}/pages.jsonl"
    assert settings.moderation.lists == ("builtin:zh", f"{data}/own.txt")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[server]\nprot = 1", "[server] prot in {file} is not a setting; did you mean port"),
        ("[databse]\nurl = 1", "[databse] in {file} is not a section; did you mean [database]"),
        ("[server]\nport = []", "[server] port in {file} must be a whole number, but is a list"),
        ("[server]\nport = 70000", "[server] port in {file} must be 65535 or less"),
        ("server = 3", "[server] in {file} must be a section, but is an integer"),
        ("[embedded]\nenabled = 'perhaps'", "[embedded] enabled in {file} must be true or false"),
        ("[search]\nprovider = 'bing'", "[search] provider in {file} must be one of 'none', 'corpus'"),
        (
            "[database]\nurl = 'mysql://x'",
            "[database] url in {file} must begin with sqlite:/// or postgresql://",
        ),
        (
            "[server]\nhost = 'a'\nport 3",
            "{file} is not valid TOML: Expected '=' after a key in a key/value pair (at line 3",
        ),
    ],
)
def test_a_wrong_file_names_the_key_and_what_is_expected(tmp_path: Path, toml: str, said: str) -> None:
    assert said.format(file=tmp_path / "tokenmill.toml") in complaint(tmp_path, toml)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TOKENMILL__SERVER__PROT", "did you mean TOKENMILL__SERVER__PORT"),
        ("TOKENMILL__SERVRE__PORT", "did you mean TOKENMILL__SERVER__…"),
        ("TOKENMILL__SERVER", "there are TOKENMILL__SERVER__HOST, TOKENMILL__SERVER__PORT"),
        ("TOKENMILL__SERVER__PORT__X", "is not a setting"),
        ("TOKENMILL__SERVER__PORT", "must be a whole number, but is a string"),
    ],
)
def test_a_wrong_variable_is_named_with_its_neighbours(tmp_path: Path, name: str, said: str) -> None:
    message = complaint(tmp_path, **{name: "x"})
    assert name in message
    assert said in message


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    message = complaint(tmp_path, "[server]\nprot = 1\nhost = 2\n[cash]\nurl = 3")
    assert message.startswith("3 settings are wrong:")
    assert all(name in message for name in ("prot", "host", "cash"))


@pytest.mark.parametrize(
    "toml",
    [
        f"[security]\nsecret = '{LITERAL}'",
        f"[security]\nsecrets_old = ['{LITERAL}']",
        f"[security]\nsecret = ['{LITERAL}']",
        f"[search]\napi_key = '{LITERAL}'",
        f"[database]\nurl = 'mysql://u:{LITERAL}@h/d'",
        f"[security]\nsecret = '{LITERAL}",
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_repeated(tmp_path: Path, toml: str) -> None:
    assert "hunter2" not in complaint(tmp_path, toml)


def test_postgresql_needs_a_secret_of_its_own(tmp_path: Path) -> None:
    assert "[security] secret is required" in complaint(tmp_path, "[database]\nurl = 'postgresql://h/d'")


def test_a_secret_is_read_from_where_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(LITERAL + "\n")
    assert read_secret(f"file:{tmp_path}/secret", {}) == LITERAL.encode()
    assert read_secret("env:MINE", {"MINE": LITERAL}) == LITERAL.encode()


@pytest.mark.parametrize("reference", ["env:MINE", "env:SHORT", "file:/nowhere/secret", "file:/"])
def test_a_secret_that_cannot_be_used_is_named_by_its_place(reference: str) -> None:
    with pytest.raises(Fault) as caught:
        read_secret(reference, {"SHORT": "tooshort"})
    assert reference.partition(":")[2] in caught.value.message
    assert "tooshort" not in caught.value.message


@pytest.mark.parametrize(
    ("toml", "idle"),
    [
        ("input = 'flag'", []),
        ("input = 'flag'\nlists = []", ["[moderation] input"]),
        ("output = 'block'\nlists = []\nclassifier = 'guard'", []),
    ],
)
def test_what_is_set_without_effect_is_listed(tmp_path: Path, toml: str, idle: list[str]) -> None:
    """Moderation without anything that judges."""
    (tmp_path / "tokenmill.toml").write_text(f"[moderation]\n{toml}")
    assert without_effect(load_settings(tmp_path, None, {})) == idle


def test_settings_are_shown_without_the_passwords_in_their_urls(tmp_path: Path) -> None:
    environ = {"TOKENMILL__CACHE__URL": f"redis://u:{LITERAL}@h:1/0"}
    assert shown(load_settings(tmp_path, None, environ))["cache"]["url"] == "redis://…@h:1/0"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        (f"postgresql://u:{LITERAL}@h:5432/db?sslmode=require", "postgresql://…@h:5432/db?sslmode=require"),
        (
            f"postgresql:///db?host=/run&user=u&password={LITERAL}#",
            "postgresql:///db?host=/run&user=u&password=…#",
        ),
        (f"postgresql://u:a/{LITERAL}@h/db", "postgresql://…"),
        ("sqlite:////srv/a@b/tokenmill.db", "sqlite:////srv/a@b/tokenmill.db"),
    ],
)
def test_the_databases_url_is_shown_without_its_password(tmp_path: Path, url: str, seen: str) -> None:
    environ = {"TOKENMILL__DATABASE__URL": url, "TOKENMILL__SECURITY__SECRET": "env:SECRET"}
    assert shown(load_settings(tmp_path, None, environ))["database"]["url"] == seen


def test_postgresql_needs_a_secret_that_all_nodes_share(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"\[security\] secret is required with PostgreSQL"):
        load_settings(tmp_path, None, {"TOKENMILL__DATABASE__URL": "postgresql://h/db"})


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[mail]\nhost = 'mail.example.com'", "[mail] in"),
        ("[mail]\nhost = 'm'\nfrom = 'a@b.example'\nuser = 'u'", "needs password"),
        ("[mail]\nhost = 'm'\nfrom = 'a@b.example'\nuser = 'u'\npassword = 'hunter2'", "env:NAME"),
        ("[cache]\nurl = 'memcached://h'", "redis://"),
        ("[retention]\nusage_days = -1", "must be 0 or more"),
    ],
)
def test_half_a_mail_server_and_other_caches_are_refused(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "tokenmill.toml").write_text(toml)
    with pytest.raises(Fault) as caught:
        load_settings(tmp_path, None, {})
    assert said in caught.value.message
    assert "hunter2" not in caught.value.message


def test_a_mail_servers_password_is_read_from_beside_the_data(tmp_path: Path) -> None:
    (tmp_path / "smtp").write_text("hunter2\n")
    toml = "[mail]\nhost = 'm'\nfrom = 'Mill <a@b.example>'\nuser = 'u'\npassword = 'file:smtp'"
    (tmp_path / "tokenmill.toml").write_text(toml)
    mail = load_settings(tmp_path, None, {}).mail
    assert (mail.sender, 587) == ("Mill <a@b.example>", mail.port)
    assert "hunter2" == read_password(mail.password, {})


def test_hosts_of_the_token_plan_are_kept_as_they_travel(tmp_path: Path) -> None:
    toml = "[token_plan]\nhosts = ['Plan.Example.COM.', 'bücher.example', 'plan.example.com', 'mill_1']"
    (tmp_path / "tokenmill.toml").write_text(toml)
    settings = load_settings(tmp_path, None, {})
    assert ("plan.example.com", "xn--bcher-kva.example", "mill_1") == settings.token_plan.hosts
    assert [] == without_effect(settings)


@pytest.mark.parametrize(
    "host",
    [
        *("https://plan.example.com", "plan.example.com:8080", "a b", "", "a/b", "straße.example"),
        *("-a.example", "a..b", "x" * 64 + ".example"),
    ],
)
def test_what_is_no_host_name_is_refused(tmp_path: Path, host: str) -> None:
    (tmp_path / "tokenmill.toml").write_text(f"[token_plan]\nhosts = ['{host}']")
    with pytest.raises(Fault, match=r"\[token_plan\] hosts in .* must be"):
        load_settings(tmp_path, None, {})


def test_the_token_plans_hosts_are_not_that_of_the_main_platform(tmp_path: Path) -> None:
    """There, pay-as-you-go keys would have no address left."""
    toml = "[server]\npublic_url = 'https://API.example.com'\n[token_plan]\nhosts = ['api.example.com']"
    (tmp_path / "tokenmill.toml").write_text(toml)
    with pytest.raises(Fault, match="public_url"):
        load_settings(tmp_path, None, {})


@pytest.mark.parametrize(
    "url", ["https://", "http://[", "http://api.example.com:99999", "http://:80", "ftp://h"]
)
def test_a_public_url_that_names_no_host_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(Fault, match="TOKENMILL__SERVER__PUBLIC_URL must"):
        load_settings(tmp_path, None, {"TOKENMILL__SERVER__PUBLIC_URL": url})


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('issuer = "http://sso.example"\nclient_id = "a"', "issuer in {file} must be an https address"),
        ('issuer = "https://sso.example/?a=b"\nclient_id = "a"', "without user, query or fragment"),
        ('issuer = "https://"\nclient_id = "a"', "must be an https address"),
        ('issuer = "https://[::1"\nclient_id = "a"', "must be an https address"),
        ('issuer = "https://sso.example"', "needs client_id beside its issuer"),
        ('operator_claim = "groups"', "needs both operator_claim and operator_values"),
        ("local_sign_in = false", "needs issuer where local_sign_in is false"),
        ('scopes = ["email"]', "must hold openid"),
        ('scopes = ["openid email"]', "must hold openid, and each scope by itself"),
        ('client_secret = "hunter2"', "must be env:NAME or file:PATH"),
        ('allowed_domains = ["@example.com"]', "must be host names alone"),
        ("timeout = 0", "timeout in {file} must be"),
    ],
)
def test_a_provider_that_cannot_work_is_refused_before_anything_listens(
    tmp_path: Path, toml: str, said: str
) -> None:
    """Half a registration, an open way to the provider, a door that lets nobody in."""
    message = complaint(tmp_path, f"[oidc]\n{toml}")
    assert said.format(file=tmp_path / "tokenmill.toml") in message
    assert "hunter2" not in message


def test_a_provider_on_this_machine_may_speak_plain_http(tmp_path: Path) -> None:
    """For trying; the client's secret is looked for in the data directory, and domains are normal."""
    (tmp_path / "tokenmill.toml").write_text(
        '[oidc]\nissuer = "http://127.0.0.1:9000/realms/a"\nclient_id = "a"\nclient_secret = "file:sso"\n'
        'allowed_domains = ["Bücher.Example"]'
    )
    oidc = load_settings(tmp_path, None, {}).oidc
    assert (oidc.client_secret, oidc.allowed_domains) == (f"file:{tmp_path}/sso", ("xn--bcher-kva.example",))
    assert (oidc.sign_up, oidc.local_sign_in, oidc.operator_claim) == ("invited", True, "")
