"""A REST API on a real unix socket over a real SQLite database, and the command line in this process."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, cast

import pytest
import uvicorn

from tokenworks.api.app import build_app
from tokenworks.app import list_starters
from tokenworks.cli.main import run_cli
from tokenworks.clock import SystemClock, SystemDice
from tokenworks.control.facts import FactsBook
from tokenworks.control.hub import Hub
from tokenworks.operations.account import CreateAccount, create_account
from tokenworks.operations.desk import Desk
from tokenworks.operations.masterkey import KeyFile
from tokenworks.operations.model import SetModel, set_model
from tokenworks.operations.ratecard import SetCard, set_card
from tokenworks.operations.sealing import Sealer
from tokenworks.operations.secret import SecretBook
from tokenworks.store.open import open_store
from tokenworks.tariff.card import Price

TOKEN = "tw_admin_of_the_tests"


class Result(NamedTuple):
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[str]:
        return self.out.splitlines()


class Shell:
    """Runs commands against one state directory."""

    def __init__(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.state, self._capsys = state, capsys

    def bare(self, *words: str) -> Result:
        """A command as it is given."""
        self._capsys.readouterr()
        code = run_cli(words, list_starters())
        out, err = self._capsys.readouterr()
        return Result(code, out, err)

    def __call__(self, *words: str) -> Result:
        """A command on the state directory."""
        return self.bare(*words, "--state", str(self.state))

    def good(self, *words: str) -> Any:
        """The JSON of a command that succeeds."""
        result = self(*words, "--json")
        assert result.code == 0, result
        return result.json


@pytest.fixture(scope="session")
def empty_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version with nothing in it: made once, because migrating takes longer than a test."""
    path = tmp_path_factory.mktemp("books") / "books.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def hub(tmp_path: Path, empty_books: Path) -> Iterator[Hub]:
    shutil.copy(empty_books, tmp_path / "books.db")
    store = open_store(f"sqlite:///{tmp_path / 'books.db'}")
    secrets = SecretBook({"TOKENWORKS_SECRET_A": "sk-a"}, (), Sealer(KeyFile(tmp_path)), store.secrets)
    yield Hub(host="h1", version="1.2.3", store=store, secrets=secrets,
              facts=FactsBook(), clock=SystemClock(), dice=SystemDice(), admin_digest=sha256(TOKEN.encode()).digest())
    store.close()


@pytest.fixture
def alone(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line with nobody to talk to."""
    for name in ("TOKENWORKS_CONFIG", "TOKENWORKS_ADMIN_TOKEN", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Shell(tmp_path, capsys)


class Served:
    """One server for all tests, which answers with the application of the test that runs."""

    def __init__(self, path: Path) -> None:
        self.path, self.app = path, cast(Any, None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("served") / "public.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(found.path))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(found, lifespan="off", log_config=None,
                                              access_log=False))
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        yield found
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture
def shell(alone: Shell, tmp_path: Path, hub: Hub, served: Served) -> Shell:
    """The command line on a state directory that answers."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "public.sock").symlink_to(served.path)
    (tmp_path / "admin.token").write_text(TOKEN + "\n")
    served.app = build_app(hub)
    return alone


@pytest.fixture
def shop(shell: Shell, hub: Hub) -> Shell:
    """With a rate card, a model and an account."""
    desk = Desk(hub.store, hub.secrets, hub.clock, hub.dice, hub.dice)
    set_card(desk, SetCard("standard", "CNY", {"*": Price(input="4", output="16")}))
    set_model(desk, SetModel("m1", 4096))
    create_account(desk, CreateAccount("Acme", id="acme"))
    return shell
