"""The REST API from the command line: over the state directory's socket, or over a URL; and plain HTTP for a sale."""

from __future__ import annotations

import json
import os
import pwd
import socket
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from tokenworks.cli.exits import BY_STATUS, FAILED, UNAVAILABLE, failed
from tokenworks.cli.starters import Place
from tokenworks.language.speech import spoken

TIMEOUT_S = 60
PATIENT_S = 600  # for what may do thousands of things in one call
_API = "/api/v1"
SAID = ("invalid", "not_found", "conflict")  # their details say already what to do


class Answer(NamedTuple):
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UnixConnection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: int) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Opens the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class RestClient:
    """Calls of the REST API; every failure is a Failed with its exit code."""

    def __init__(self, place: Place, timeout_s: int = TIMEOUT_S) -> None:
        self._place, self._timeout_s = place, timeout_s

    def patient(self) -> RestClient:
        """The same for calls that take long: giving up on one would lose its answer."""
        return RestClient(self._place, PATIENT_S)

    def call(self, method: str, path: str, given: Mapping[str, Any] | None = None, key: str = "") -> Any:
        """The decoded answer. `given` is the query of a GET or DELETE, else the JSON body; `key`: done once."""
        answer = self._answer(method, path, given or {}, key)
        if answer.status >= 300:
            raise _problem(answer)
        return json.loads(answer.body)

    def pages(self, path: str, given: Mapping[str, Any]) -> Iterator[Any]:
        """Every row of a list, page after page."""
        cursor = ""
        while True:
            page = self.call("GET", path, {**given, "cursor": cursor} if cursor else given)
            yield from page["data"]
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return

    def lines(self, path: str, given: Mapping[str, Any]) -> Iterator[Any]:
        """The rows of a live feed, until it ends."""
        connection, response = self._open("GET", path, given, "", None)
        try:
            if response.status >= 300:
                raise _problem(Answer(response.status, dict(response.headers), response.read()))
            for line in response:
                if line.strip():
                    yield json.loads(line)
        except (OSError, HTTPException):
            raise failed("The live feed ended: the control process went away.", UNAVAILABLE) from None
        finally:
            connection.close()

    def text(self, path: str) -> str:
        """The body of a plain page outside /api."""
        connection, response = self._open("GET", path, {}, "", TIMEOUT_S, prefix="")
        with Closing(connection):
            return response.read().decode()

    def _answer(self, method: str, path: str, given: Mapping[str, Any], key: str) -> Answer:
        connection, response = self._open(method, path, given, key, self._timeout_s)
        with Closing(connection):
            try:
                return Answer(response.status, dict(response.headers), response.read())
            except (OSError, HTTPException) as error:
                hint = "Look at what there is before you try again: it may have been done."
                raise failed(f"The answer broke off: {_why(error)}.", UNAVAILABLE, hint, "unreachable") from None

    def _open(self, method: str, path: str, given: Mapping[str, Any], key: str, timeout: int | None,
              prefix: str = _API) -> tuple[HTTPConnection, HTTPResponse]:
        place = self._place
        connection = (connect_url(place.url, timeout) if place.url
                      else UnixConnection(place.socket_path, timeout or 0x7FFFFFF))
        headers = {"authorization": f"Bearer {place.token}", "accept": "application/json",
                   "accept-language": spoken(), "x-tokenworks-login": name_login()}
        target, body = prefix + path, None
        if method in ("GET", "DELETE"):
            query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
            target += "?" + urlencode(query) if query else ""
        else:
            body, headers["content-type"] = json.dumps(given), "application/json"
        if key:
            headers["idempotency-key"] = key
        try:
            connection.request(method, target, body, headers)
            return connection, connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            where = place.url or place.socket_path
            hint = "Start it with `tokenworks up`, or name another with --state or --server."
            raise failed(f"Nobody answers at {where}: {_why(error)}.", UNAVAILABLE, hint, "unreachable") from None


class Closing:
    """Closes an HTTP connection at the end of a block."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def connect_url(url: str, timeout: int | None = TIMEOUT_S) -> HTTPConnection:
    """A connection to the host of a URL."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout)


def post_json(url: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
    """One POST with a JSON body, as a buyer sends it."""
    return _ask(url, ("POST", path), json.dumps(body), {"content-type": "application/json", **headers})


def get_json(url: str, path: str, headers: Mapping[str, str]) -> Answer:
    """One GET, as a buyer sends it."""
    return _ask(url, ("GET", path), None, headers)


def _ask(url: str, line: tuple[str, str], body: str | None, headers: Mapping[str, str]) -> Answer:
    connection = connect_url(url)
    try:
        connection.request(*line, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()},
                      response.read())
    except (OSError, HTTPException) as error:
        raise failed(f"{url} does not answer: {_why(error)}.", UNAVAILABLE) from None
    finally:
        connection.close()


def name_login() -> str:
    """Who runs this command, as this machine calls him: for the audit trail, which takes it for a claim."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}".encode("ascii", "replace").decode()


def read_token(state_dir: str) -> str:
    """The admin token of a state directory; raises Failed."""
    path = Path(state_dir) / "admin.token"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise failed(f"There is no {path}.", UNAVAILABLE,
                     "Start `tokenworks up` once on this state directory, or name another with --state.") from None
    except PermissionError:
        raise failed(f"{path} cannot be read.", UNAVAILABLE,
                     "Run this as the user that `tokenworks up` runs as.") from None


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__


def _problem(answer: Answer) -> Exception:
    try:
        problem = json.loads(answer.body)
        exit_code = UNAVAILABLE if answer.status >= 500 else BY_STATUS.get(answer.status, FAILED)
        hint = "" if problem["code"] in SAID else problem.get("hint", "")
        return failed(problem["detail"], exit_code, hint, problem["code"])
    except (ValueError, KeyError, TypeError):
        return failed(f"The answer is {answer.status}, and not of this API.", UNAVAILABLE)
