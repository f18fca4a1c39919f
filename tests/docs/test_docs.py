"""The pages: every block does what it says, every link leads somewhere, no generated page is stale."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.blocks import ROOT, blocks_of, check_block, original_of, own_blocks, pages
from tests.docs.scratch import Scratch
from tools.docs import write_pages


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    running = Scratch(tmp_path_factory.mktemp("d"))
    yield running
    running.stop()


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in pages() if own_blocks(page)], ids=name_of)
def test_blocks(page: Path, scratch: Scratch) -> None:
    scratch.forget()
    for block in own_blocks(page):
        check_block(block, scratch)


TRANSLATED = [page for page in pages() if page.parent.name in ("tutorials", "how-to") and "zh" not in page.parts]


@pytest.mark.parametrize("page", TRANSLATED, ids=name_of)
def test_every_page_for_people_is_there_in_chinese(page: Path) -> None:
    """With a block for each of the original's, so that neither falls behind."""
    (chinese,) = [other for other in pages() if original_of(other) == page]
    assert len(list(blocks_of(chinese))) == len(list(blocks_of(page)))
    assert len(re.findall("^#+ ", chinese.read_text(), re.M)) == len(re.findall("^#+ ", page.read_text(), re.M))
    assert not own_blocks(chinese), "these differ from the English ones"


def test_every_fence_is_a_block() -> None:
    """A fence that the pattern does not take would be passed over in silence."""
    for page in pages():
        assert len(re.findall(r"^ *```", page.read_text(), re.M)) == 2 * len(list(blocks_of(page))), name_of(page)


def test_every_reason_stands_before_a_block() -> None:
    for page in pages():
        told = len(re.findall("<!-- not run: ", page.read_text()))
        assert told == sum(bool(block.reason) for block in blocks_of(page)), name_of(page)


def test_links() -> None:
    broken = []
    for page in pages():
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            target, _, anchor = link.partition("#")
            path = (page.parent / target) if target else page
            if "://" not in link and not (path.exists() and (not anchor or anchor in anchors(path))):
                broken.append(f"{name_of(page)}: {link}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Anchors as GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_generated_pages_are_current() -> None:
    stale = [name_of(page) for page, text in write_pages().items() if page.read_text() != text]
    assert stale == [], "run `make docs`"


def test_every_page_is_found_from_the_index() -> None:
    for root in (ROOT / "docs", ROOT / "docs" / "zh"):
        index = (root / "README.md").read_text()
        missing = [name_of(page) for page in pages() if page.is_relative_to(root) and page.name != "README.md"
                   and (root.name == "zh" or "zh" not in page.parts)
                   and f"({page.relative_to(root).as_posix()})" not in index]
        assert missing == []
