"""Settings: defaults, then one TOML file, then the environment, then flags; and where each value came from.

The only reader of the environment. Whatever is unknown or out of range is refused before anything starts, with its file
and line, or its variable or flag, and the nearest right name. Everyone else is handed plain values.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from tokenworks.errors import ConfigError
from tokenworks.language.prefer import LANGUAGES, read_locale
from tokenworks.limits import DRAIN_S

PREFIX = "TOKENWORKS_"
SECRET_PREFIX = "TOKENWORKS_SECRET_"
FILE_NAME = "tokenworks.toml"
FLAGS = {"state.dir": "--state", "listen.host": "--host", "listen.port": "--port", "gateway.workers": "--workers",
         "engine.enabled": "--engine"}

Reader = Callable[[object], Any]


def _integer(low: int, high: int) -> Reader:
    def read(raw: object) -> int:
        text = str(raw)
        if isinstance(raw, bool) or not re.fullmatch(r"-?\d+", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _choice(*allowed: str) -> Reader:
    def read(raw: object) -> str:
        if raw not in allowed:
            near = difflib.get_close_matches(str(raw), allowed, 1)
            raise ValueError(f"one of {', '.join(allowed)}" + (f" (did you mean {near[0]}?)" if near else ""))
        return str(raw)

    return read


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError("a text in quotes")
    return raw


def _flag(raw: object) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if not isinstance(raw, bool | str) or str(raw).lower() not in known:
        raise ValueError("true or false")
    return known[str(raw).lower()]


def _path(raw: object) -> str:
    return str(Path(_text(raw)).expanduser().absolute()) if raw else ""


def _paths(raw: object) -> tuple[str, ...]:
    parts = raw.split(os.pathsep) if isinstance(raw, str) else raw
    if not isinstance(parts, list):
        raise ValueError("a list of directories")
    return tuple(_path(part) for part in parts if part)


def _receiver(raw: object) -> str:
    url = _text(raw)
    if url and not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", url):
        raise ValueError("empty, or http://host:port or https://host without user and password")
    return url


def _database(raw: object) -> str:
    url = _text(raw)
    if url and not re.match(r"(sqlite|postgresql(\+psycopg)?)://", url):
        raise ValueError("empty (SQLite in the state directory), sqlite:///file or postgresql://user@host/name")
    return url


def _setting(name: str, default: object, read: Reader, about: str) -> Any:
    return field(default=default, metadata={"name": name, "read": read, "about": about})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Process settings, flat and typed. What is bought and sold is not here: it is in the books."""

    state_dir: str = _setting("state.dir", "", _path, "where everything is kept; 0700")
    listen_host: str = _setting("listen.host", "127.0.0.1", _text, "address to listen on; 0.0.0.0 opens it to others")
    listen_port: int = _setting("listen.port", 8400, _integer(0, 65535), "the one port; 0 takes a free one")
    workers: int = _setting("gateway.workers", 0, _integer(0, 256), "gateway processes; 0 is one per core")
    durability: Literal["process", "disk"] = _setting(
        "gateway.durability", "process", _choice("process", "disk"),
        "disk: a record is flushed to the disk before the client's last bytes leave")
    drain_s: int = _setting("gateway.drain_s", DRAIN_S, _integer(0, 3600), "how long open requests go on at the end")
    tls_cert: str = _setting("gateway.tls_cert", "", _path, "certificate chain (PEM); with tls_key it turns TLS on")
    tls_key: str = _setting("gateway.tls_key", "", _path, "private key (PEM) of tls_cert")
    database_url: str = _setting("database.url", "", _database, "empty: SQLite in the state directory")
    engine: bool = _setting("engine.enabled", True, _flag, "start the embedded engine")
    secret_dirs: tuple[str, ...] = _setting("secrets.dirs", (), _paths, "where file: references may point to")
    master_key_file: str = _setting(
        "secrets.master_key_file", "", _path, "master key of sealed secrets; empty: made in the state directory")
    otel_endpoint: str = _setting(
        "otel.endpoint", "", _receiver, "OTLP/HTTP receiver, like http://127.0.0.1:4318; empty: nothing is exported")
    otel_headers: str = _setting("otel.headers", "", _text, "secret with its headers, NAME=VALUE,...; a reference")
    otel_traces: bool = _setting("otel.traces", True, _flag, "export a trace of each request")
    otel_metrics: bool = _setting("otel.metrics", True, _flag, "export metrics")
    otel_sample_percent: int = _setting("otel.sample_percent", 100, _integer(0, 100), "of traces; metrics count all")
    otel_interval_s: int = _setting("otel.interval_s", 15, _integer(1, 3600), "between two exports of metrics")
    log_level: str = _setting("log.level", "info", _choice("debug", "info", "warning", "error"), "least level logged")
    # Not settings of their own: where values came from, the file read, and what env: references may resolve to.
    origins: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def rows(self) -> list[tuple[str, object, str]]:
        """(name, value, origin) of every setting, in order."""
        return [(name, getattr(self, spec.name), self.origins.get(name, "default")) for name, spec in SETTINGS.items()]


SETTINGS = MappingProxyType({spec.metadata["name"]: spec for spec in fields(Settings) if "name" in spec.metadata})


def read_environment() -> dict[str, str]:
    """The process's environment, read here and nowhere else."""
    return dict(os.environ)


def load_settings(flags: Mapping[str, object], config: str = "", environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from all four places; `flags` by setting name, None where not given. Raises ConfigError."""
    env = read_environment() if environ is None else environ
    given = {name: (value, f"flag {FLAGS.get(name, name)}") for name, value in flags.items() if value is not None}
    variables = _read_variables(env)
    state_dir = _first_state(given, variables, env)
    file = config or env.get(PREFIX + "CONFIG", "")
    inside = not file
    file = file or os.path.join(state_dir, FILE_NAME)
    filed = {} if inside and not os.path.exists(file) else _read_file(Path(file), inside)
    merged = {**filed, **variables, **given}
    values: dict[str, Any] = {"state_dir": state_dir}
    values |= {SETTINGS[name].name: _read_value(name, raw, origin) for name, (raw, origin) in merged.items()}
    _check_pair(merged)
    origins = {name: origin for name, (_, origin) in merged.items()}
    secrets = {name: value for name, value in env.items() if name.startswith(SECRET_PREFIX)}
    return Settings(**values, origins=origins, file=file, secrets=secrets)


def default_state(env: Mapping[str, str]) -> str:
    """The XDG place for state; systemd's StateDirectory= when it is given."""
    home = env.get("XDG_STATE_HOME") or os.path.join(env.get("HOME", "/"), ".local", "state")
    return env.get("STATE_DIRECTORY") or os.path.join(home, "tokenworks")


def find_language(env: Mapping[str, str]) -> str:
    """What people at a shell are told in: TOKENWORKS_LANG, else the locale; raises ConfigError."""
    wanted = env.get(PREFIX + "LANG", "")
    if wanted and wanted not in LANGUAGES:
        raise ConfigError(f"environment: {PREFIX}LANG must be one of {', '.join(LANGUAGES)}, not {wanted!r}.")
    return wanted or read_locale(env)


def find_shop(env: Mapping[str, str], url: str, key: str) -> tuple[str, str]:
    """A buyer's (address, key): as given, else of the environment; "" where neither says. Raises ConfigError."""
    origin, wanted = ("--url", url) if url else (f"environment: {PREFIX}BASE_URL", env.get(PREFIX + "BASE_URL", ""))
    found = re.fullmatch(r"(https?://[^/?#\s]+(?:/[^?#\s]*?)??)(?:/v1)?/*", wanted)
    if wanted and not found:
        raise ConfigError(f"{origin}: {wanted!r} is not the address of a gateway. Write http://host:port.")
    text = key or env.get(PREFIX + "API_KEY", "")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ConfigError(f"{'--key' if key else 'environment: ' + PREFIX + 'API_KEY'}: the key has characters that no "
                          "key has. Copy it again.")
    return (found[1] if found else ""), text


Given = dict[str, tuple[object, str]]


def _first_state(given: Given, variables: Given, env: Mapping[str, str]) -> str:
    """The state directory as far as it is known before a file is read."""
    raw, origin = given.get("state.dir") or variables.get("state.dir") or (default_state(env), "default")
    return str(_read_value("state.dir", raw, origin))


def _read_variables(env: Mapping[str, str]) -> Given:
    """TOKENWORKS_SECTION__KEY; names without the double underscore are not ours (Kubernetes sets such)."""
    given: Given = {}
    for variable, raw in env.items():
        if not variable.startswith(PREFIX) or "__" not in variable or variable.startswith(SECRET_PREFIX):
            continue
        name = ".".join(variable.removeprefix(PREFIX).lower().split("__", 1))
        if name not in SETTINGS:
            right = [PREFIX + known.replace(".", "__").upper() for known in SETTINGS]
            raise ConfigError(f"environment: there is no setting {variable}." + _nearest(variable, right))
        given[name] = (raw, f"environment {variable}")
    return given


def _read_file(path: Path, inside_state: bool) -> Given:
    try:
        text = path.read_text()
        tables = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = found.group(1) if found else len(text.splitlines())
        raise ConfigError(f"{path}:{line}: not valid TOML: {error}.") from None
    given: Given = {}
    for section, table in tables.items():
        for name, raw in _flatten(section, table):
            place = f"{path}:{_line_of(text, name)}"
            if name not in SETTINGS:
                raise ConfigError(f"{place}: there is no setting {name}." + _nearest(name, SETTINGS))
            if inside_state and name == "state.dir":
                raise ConfigError(f"{place}: state.dir cannot stand in the file that lies in it; use --state.")
            given[name] = (raw, place)
    return given


def _flatten(section: str, table: object) -> Iterable[tuple[str, object]]:
    return ((f"{section}.{key}", raw) for key, raw in table.items()) if isinstance(table, dict) else [(section, table)]


def _line_of(text: str, name: str) -> int:
    """The line on which `section.key` is set, in any of TOML's spellings that fit one line; 1 when none is found."""
    section, _, key = name.partition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*([^\]]+?)\s*\]", line)
        if header:
            current = header.group(1).strip("\"'")
        spelled = re.match(r"\s*([\w.\"'-]+)\s*=", line)
        set_here = spelled and ".".join(filter(None, (current, re.sub("[\"']", "", spelled.group(1)))))
        if set_here in (name, section) or (not key and current == section):
            return number
    return 1


def _read_value(name: str, raw: object, origin: str) -> object:
    try:
        return SETTINGS[name].metadata["read"](raw)
    except ValueError as error:
        raise ConfigError(f"{origin}: {name} must be {error}, not {raw!r}.") from None


def _check_pair(merged: Given) -> None:
    """Certificate and key go together, and can be read; an empty value is none."""
    set_ = {name: merged[name] for name in ("gateway.tls_cert", "gateway.tls_key") if merged.get(name, ("",))[0]}
    if len(set_) == 1:
        raise ConfigError(f"{next(iter(set_.values()))[1]}: gateway.tls_cert and gateway.tls_key go together: set both "
                          "or neither.")
    for name, (path, origin) in set_.items():
        if not os.access(str(path), os.R_OK):
            raise ConfigError(f"{origin}: {name}: {path} cannot be read.")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f" Did you mean {near[0]}?" if near else f" There are: {', '.join(known)}."
