"""Where a setting comes from, and what a wrong one gets: place, reason, nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenworks.config import SETTINGS, default_state, find_language, find_shop, load_settings
from tokenworks.errors import ConfigError


def load(tmp_path: Path, text: str = "", env: dict[str, str] | None = None, **flags: object):
    file = tmp_path / "tokenworks.toml"
    file.write_text(text)
    return load_settings({name.replace("__", "."): value for name, value in flags.items()}, "",
                         {"TOKENWORKS_STATE__DIR": str(tmp_path), **(env or {})})


def refusal(tmp_path: Path, text: str = "", env: dict[str, str] | None = None, **flags: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, env, **flags)
    return str(caught.value)


def test_flags_win(tmp_path: Path) -> None:
    text = "[listen]\nport = 1\nhost = '::1'\n[gateway]\nworkers = 3"
    env = {"TOKENWORKS_LISTEN__PORT": "2", "TOKENWORKS_GATEWAY__WORKERS": "4"}
    settings = load(tmp_path, text, env, listen__port=3, log__level=None)
    assert (settings.listen_port, settings.workers, settings.listen_host) == (3, 4, "::1")
    assert (settings.durability, settings.log_level) == ("process", "info")
    origins = {name: origin for name, _, origin in settings.rows()}
    assert origins["listen.port"] == "flag --port"
    assert origins["gateway.workers"] == "environment TOKENWORKS_GATEWAY__WORKERS"
    assert origins["listen.host"] == f"{tmp_path}/tokenworks.toml:3"
    assert origins["log.level"] == "default"


def test_secrets_only(tmp_path: Path) -> None:
    settings = load(tmp_path, env={"TOKENWORKS_SECRET_A": "x", "AWS_SECRET": "y", "TOKENWORKS_PORT": "tcp://z"})
    assert settings.secrets == {"TOKENWORKS_SECRET_A": "x"}
    assert "x" not in repr(settings).split("secret")[-1]


@pytest.mark.parametrize(("text", "line", "says"), [
    ("\n[listen]\nprot = 1", 3, "Did you mean listen.port?"),
    ("port = 1", 1, "no setting port. Did you mean listen.port?"),
    ("[gateway]\nworkers = 3\n[gatway]\nworkers=1", 4, "Did you mean gateway.workers?"),
    ("zzzzzz = 1", 1, "There are: state.dir, listen.host"),
    ("[listen]\nport = 70000", 2, "a whole number from 0 to 65535, not 70000"),
    ("listen.port = true", 1, "a whole number"),
    ("[listen]\n'port' = '80a'", 2, "a whole number"),
    ("[gateway]\ndurability = 'disc'", 2, "did you mean disk?"),
    ("[database]\nurl = 'mysql://x'", 2, "postgresql://"),
    ("[otel]\nendpoint = 'localhost:4318'", 2, "http://host:port"),
    ("[otel]\nendpoint = 'http://u:p@h'", 2, "without user"),
    ("[otel]\nsample_percent = 101", 2, "from 0 to 100"),
    ("[engine]\nenabled = 'maybe'", 2, "true or false"),
    ("[listen]\nhost = 1", 2, "a text in quotes"),
    ("[secrets]\ndirs = 1", 2, "a list of directories"),
    ("[state]\ndir = '/x'", 2, "use --state"),
    ("[gateway.tls]\ncert = 'x'", 1, "no setting gateway.tls. Did you mean gateway.tls_"),
])
def test_file_refused(tmp_path: Path, text: str, line: int, says: str) -> None:
    message = refusal(tmp_path, text)
    assert message.startswith(f"{tmp_path}/tokenworks.toml:{line}: ")
    assert says in message


def test_bad_toml(tmp_path: Path) -> None:
    assert "tokenworks.toml:2: not valid TOML" in refusal(tmp_path, "[a]\nlisten = ")
    assert "tokenworks.toml:2: not valid TOML" in refusal(tmp_path, "[a]\nlisten = 1 1\n\n")
    (tmp_path / "latin.toml").write_bytes(b"# \xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_settings({}, "", {"TOKENWORKS_CONFIG": str(tmp_path / "latin.toml")})


def test_bad_variable(tmp_path: Path) -> None:
    assert "Did you mean TOKENWORKS_LISTEN__PORT?" in refusal(tmp_path, env={"TOKENWORKS_LISTEN__PORTS": "1"})
    assert "environment TOKENWORKS_LISTEN__PORT: listen.port must be" in refusal(
        tmp_path, env={"TOKENWORKS_LISTEN__PORT": "x"})


def test_named_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_settings({}, str(tmp_path / "none.toml"), {})
    (tmp_path / "own.toml").write_text("[state]\ndir = '/srv/tw'\n[secrets]\ndirs = ['/run/secrets']")
    settings = load_settings({}, str(tmp_path / "own.toml"), {})
    assert (settings.state_dir, settings.secret_dirs) == ("/srv/tw", ("/run/secrets",))
    assert settings.file == str(tmp_path / "own.toml")


def test_certificate_pair(tmp_path: Path) -> None:
    assert ":2: gateway.tls_cert and gateway.tls_key go together" in refusal(tmp_path, "[gateway]\ntls_cert = '/x'")
    both = "[gateway]\ntls_cert = '/none/x'\ntls_key = '/none/y'"
    assert "/none/x cannot be read" in refusal(tmp_path, both)


def test_default_state() -> None:
    assert default_state({"HOME": "/h"}) == "/h/.local/state/tokenworks"
    assert default_state({"XDG_STATE_HOME": "/s"}) == "/s/tokenworks"
    assert default_state({"STATE_DIRECTORY": "/var/lib/tokenworks"}) == "/var/lib/tokenworks"


def test_flags_and_variables(tmp_path: Path) -> None:
    env = {"TOKENWORKS_SECRETS__DIRS": "/a:/b", "TOKENWORKS_ENGINE__ENABLED": "no"}
    settings = load(tmp_path, env=env)
    assert (settings.secret_dirs, settings.engine) == (("/a", "/b"), False)


def test_settings_documented() -> None:
    assert all(spec.metadata["about"] for spec in SETTINGS.values())


@pytest.mark.parametrize(("given", "url"), [
    ("http://127.0.0.1:8400", "http://127.0.0.1:8400"), ("https://gw.example/v1/", "https://gw.example"),
    ("https://gw.example/v1", "https://gw.example"), ("https://gw.example/", "https://gw.example"),
    ("https://gw.example/team/a/v1", "https://gw.example/team/a"), ("https://gw.example/v1x", "https://gw.example/v1x"),
    ("", "")])
def test_addresses_of_shops(given: str, url: str) -> None:
    assert find_shop({}, given, "k") == find_shop({"TOKENWORKS_BASE_URL": given, "TOKENWORKS_API_KEY": "k"}, "", "") \
        == (url, "k")


@pytest.mark.parametrize("given", ["gw.example", "ftp://gw.example", "https://", "https://gw.example?x=1"])
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(ConfigError, match=r"--url: .* is not the address of a gateway"):
        find_shop({}, given, "")
    with pytest.raises(ConfigError, match="environment: TOKENWORKS_BASE_URL: "):
        find_shop({"TOKENWORKS_BASE_URL": given}, "", "")


@pytest.mark.parametrize(("env", "language"), [
    ({}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "C"}, "en"), ({"LANG": "zh_CN", "LC_ALL": "C.UTF-8"}, "en"),
    ({"LC_MESSAGES": "zh", "LANG": "en_US"}, "zh"), ({"TOKENWORKS_LANG": "en", "LANG": "zh_TW"}, "en"),
    ({"TOKENWORKS_LANG": "zh"}, "zh")])
def test_languages(env: dict[str, str], language: str) -> None:
    assert find_language(env) == language


def test_a_language_that_we_do_not_have() -> None:
    with pytest.raises(ConfigError, match="TOKENWORKS_LANG must be one of en, zh, not 'fr'"):
        find_language({"TOKENWORKS_LANG": "fr"})
