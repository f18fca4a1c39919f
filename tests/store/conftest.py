"""One fixture per kind of store: `store` runs a test on all three, `database_url` on the two that last."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store import postgres

from tokenworks.store.memory.open import open_memory
from tokenworks.store.open import open_store
from tokenworks.store.ports import Store

KINDS = ("memory", "sqlite", "postgres")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """postgresql://user@host:port."""
    with postgres.running_server() as url:
        if url is None:
            pytest.skip(postgres.MISSING)
        yield url


@pytest.fixture(scope="session")
def postgres_template(server: str) -> Iterator[str]:
    """A migrated, empty database; copying it is faster than migrating."""
    with postgres.fresh_database(server) as url:
        open_store(url).close()
        yield url.rpartition("/")[2]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file."""
    path = tmp_path_factory.mktemp("books") / "template.db"
    open_store(f"sqlite:///{path}").close()
    return path


def fresh_url(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of an empty, migrated database."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "books.db")
        yield f"sqlite:///{folder / 'books.db'}"
        return
    server, template = request.getfixturevalue("server"), request.getfixturevalue("postgres_template")
    with postgres.fresh_database(server, template) as url:
        yield url


@pytest.fixture(params=KINDS[1:])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty, migrated database of each kind."""
    yield from fresh_url(request.param, request, tmp_path)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield open_memory()
        return
    for url in fresh_url(request.param, request, tmp_path):
        opened = open_store(url)
        yield opened
        opened.close()
