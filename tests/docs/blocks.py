"""The fenced blocks of the pages, and how each language is checked: run, or validated where it cannot be run here.

No block is passed over in silence: a language without a check fails, and `<!-- not run: REASON -->` before a block
says why it is only validated: its shell syntax, each of its `tokenworks` commands against the real command line, each
`make` target against the Makefile.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import yaml
from cyclopts import CycloptsError
from tests.docs.scratch import Scratch

from tokenworks.app import list_starters
from tokenworks.cli.main import build_cli
from tokenworks.cli.sources import parse_text
from tokenworks.config import SETTINGS, load_settings
from tokenworks.operations.declare.read import read_documents
from tokenworks.operations.ratecard import SetCard

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\n+\Z")
PICTURES = ("text", "mermaid")  # read by people, not by machines


class Block(NamedTuple):
    """One fenced block; `reason` says why it is not run, "" when it is."""

    place: str
    language: str
    text: str
    reason: str


def pages() -> list[Path]:
    """Every page, in the order in which a newcomer reads."""
    folders = ("docs/tutorials", "docs/how-to", "docs/explanation", "docs/reference", "docs/decisions", "docs",
               "docs/zh", "docs/zh/how-to")
    found = [path for folder in folders for path in sorted((ROOT / folder).glob("*.md"))]
    rest = ("CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md")
    return [ROOT / "README.md", ROOT / "README.zh.md", *found, *(ROOT / name for name in rest)]


def original_of(page: Path) -> Path | None:
    """The English page that a Chinese one follows; None for a page that follows none."""
    name = page.relative_to(ROOT).as_posix()
    english = {"README.zh.md": "README.md", "docs/zh/first-token.md": "docs/tutorials/first-token.md"}.get(
        name, name.replace("docs/zh/", "docs/"))
    found = ROOT / english
    return found if found != page and found.exists() else None


def own_blocks(page: Path) -> list[Block]:
    """The blocks of a page but for those that its English original has, too: they are run there."""
    original = original_of(page)
    there = {(block.language, block.text) for block in blocks_of(original)} if original else set()
    return [block for block in blocks_of(page) if (block.language, block.text) not in there]


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        before = text[: found.start()]
        reason = NOT_RUN.search(before)
        body = "".join(line.removeprefix(found.group(1)) for line in found.group(3).splitlines(keepends=True))
        yield Block(f"{page.relative_to(ROOT)}:{before.count(chr(10)) + 1}", found.group(2), body,
                    reason.group(1) if reason else "")


def check_block(block: Block, scratch: Scratch) -> None:
    """Runs or validates one block."""
    if block.language in PICTURES:
        return
    if block.reason and block.language in ("sh", "console"):
        check_words(block)
        return
    checks = {"console": run_console, "sh": run_script, "python": run_python, "toml": check_toml, "ini": check_unit,
              "json": lambda one, _: json.loads(one.text), "yaml": check_yaml}
    assert block.language in checks, f"{block.place}: nothing checks a block of {block.language or 'no language'}"
    checks[block.language](block, scratch)


def run_script(block: Block, scratch: Scratch) -> None:
    """A script, as a person pastes it."""
    scratch.run(block.place, block.text)


def run_console(block: Block, scratch: Scratch) -> None:
    """Commands after `$ `; what is printed below one has to come, but for ids, times and figures."""
    for command, shown in split_console(block.text):
        printed = scratch.run(block.place, command)
        lines = [loose(line) for line in printed.splitlines()]
        for line in map(loose, shown):
            if line in ("", "…"):
                continue
            assert line in lines, f"{block.place}: `{command}` does not print {line!r} (any more), but\n{printed}"
            lines = lines[lines.index(line) + 1:]


def split_console(text: str) -> Iterator[tuple[str, list[str]]]:
    """(command, what it shows) of a console block; a command goes on after a backslash."""
    parts = re.split(r"^\$ ", text, flags=re.M)
    assert parts[0].strip() == "", "a console block begins with a command"
    for part in parts[1:]:
        lines = part.splitlines()
        length = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
        yield "\n".join(lines[:length]), lines[length:]


def loose(line: str) -> str:
    """A line without what differs from run to run: ids, hosts, times, figures, widths."""
    for pattern, mark in ((r"\b(req|lot|key|ent|lse|acc)_\w+", r"\1_ID"), (r"\btw_live_\S+", "KEY"),
                          (r"\b\d{4}-\d\d-\d\d[T ][\d:.]+Z", "TIME"), (r"\b\d\d:\d\d:\d\d\.\d+", "TIME"),
                          (r"\b[0-9a-f]{8}\b(?=/|\.|\b)", "HOST"), (r"/\d+/\w{6,}", "/WORKER"),
                          (r"http://127\.0\.0\.1:\d+", "URL"), (r"-?\d[\d,.]*", "N"), (r"/\S*/tokenworks\b", "STATE"),
                          (r"\s+", " ")):
        line = re.sub(pattern, mark, line)
    return line.strip()


def run_python(block: Block, scratch: Scratch) -> None:
    """A program, in an interpreter of its own."""
    ast.parse(block.text)
    path = scratch.place / "snippet.py"
    path.write_text(scratch.filled(block.text))
    scratch.run(block.place, f"python {path}")


def check_toml(block: Block, scratch: Scratch) -> None:
    """Settings go through the reader of settings, rate cards through that of the API."""
    tables = tomllib.loads(block.text)
    if {name for section in tables for name in SETTINGS if name.startswith(f"{section}.")}:
        path = scratch.place / "tokenworks.toml"
        path.write_text(scratch.filled(block.text))
        load_settings({}, str(path), {"HOME": str(scratch.place)})
    else:
        msgspec.convert({"card": "x", **tables}, SetCard)


def check_unit(block: Block, scratch: Scratch) -> None:
    """A systemd unit: by systemd where it is here; its ExecStart by our own command line everywhere."""
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block.text)
    words = shlex.split(unit["Service"]["ExecStart"])
    assert words[0].endswith("/tokenworks"), block.place
    parse_words(words[1:], block.place)
    if shutil.which("systemd-analyze"):
        path = scratch.place / "tokenworks.service"
        real = shutil.which("tokenworks", path=scratch.env["PATH"]) or "/bin/true"
        path.write_text(block.text.replace(words[0], real).replace("User=tokenworks\n", ""))
        done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
        assert "tokenworks.service" not in done.stderr, done.stderr


def check_yaml(block: Block, scratch: Scratch) -> None:
    """Documents are read as `apply` reads them; else it is a Prometheus scrape configuration: its paths are served."""
    if "apiVersion" in block.text:
        documents = [one.value for one in parse_text(block.text, block.place)]
        assert read_documents(documents)[1] == [], block.place
        return
    (job,) = yaml.safe_load(block.text)["scrape_configs"]
    assert job["static_configs"][0]["targets"] == ["127.0.0.1:8400"] and "metrics_path" not in job, block.place
    scratch.run(block.place, "curl -fsS http://127.0.0.1:8400/metrics")


def check_words(block: Block) -> None:
    """What cannot be run here: its syntax, its `tokenworks` commands, its `make` targets."""
    commands = "\n".join(command for command, _ in split_console(block.text)) if block.language == "console" \
        else block.text
    done = subprocess.run(["bash", "-n"], input=commands, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block.place}: {done.stderr}"
    checked = 0
    for line in re.sub(r"\\\n", " ", commands).splitlines():
        words = shlex.split(line, comments=True)
        while words[:1] in (["sudo"], ["-u"]):
            words = words[1 if words[0] == "sudo" else 2:]
        if words and words[0].rpartition("/")[2] == "tokenworks":
            parse_words(words[1:], block.place)
            checked += 1
        if words[:1] == ["make"]:
            subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, check=True)
            checked += 1
        checked += bool(words) and shutil.which(words[0]) is not None
    assert checked, f"{block.place}: nothing in this block can be checked"


def parse_words(words: list[str], place: str) -> None:
    """Words of a command, parsed and not run."""
    words = words[: words.index("|")] if "|" in words else words
    try:
        build_cli(list_starters()).parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        pytest.fail(f"{place}: tokenworks {' '.join(words)}: {error}")
