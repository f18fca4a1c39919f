"""The house rules that a machine can check: sizes, names, imports, floats, time, environment, locks.

EXCEPTIONS names what is still above a limit, with the value it may not pass; an entry that is no longer needed fails.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "tokenworks"
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 6
NAME_WORDS_MAX = 3

EXACT = ("units.py", "limits.py", "usage/", "tariff/", "ledger/", "credit/", "admission/")  # no float near these
ENVIRONMENT_READERS = ("config.py",)
TIME_READERS = ("clock.py",)
BROAD_EXCEPTS: dict[str, str] = {}  # file: why this is a boundary that must outlive any error
EXCEPTIONS: dict[tuple[str, str], int] = {}  # (rule, place): the value that it may not pass
UNMIRRORED = {"tariff/card.py", "usage/vector.py", "credit/records.py"}  # tested through what uses them

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(root: Path = SRC) -> list[Path]:
    return sorted(path for path in root.rglob("*.py") if "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, Function))


def body_lines(node: Function) -> int:
    """Lines of a function without its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def parameters(node: Function) -> int:
    args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([arg for arg in args if arg.arg not in ("self", "cls")])


def over(rule: str, limit: int, values: dict[str, int]) -> list[str]:
    """What is above its limit, and exceptions that have become idle."""
    bad = [f"{place}: {value} > {EXCEPTIONS.get((rule, place), limit)}" for place, value in sorted(values.items())
           if value > EXCEPTIONS.get((rule, place), limit)]
    idle = [f"{place}: the exception for {rule} is no longer needed" for kind, place in EXCEPTIONS
            if kind == rule and values.get(place, 0) <= limit]
    return bad + idle


def test_file_lengths() -> None:
    counts = {name_of(path): len(path.read_text().splitlines()) for path in sources()}
    assert over("file", FILE_LINES_MAX, counts) == []


def test_function_lengths() -> None:
    counts = {f"{name_of(path)}:{node.name}": body_lines(node) for path in sources() for node in functions(path)}
    assert over("function", FUNCTION_LINES_MAX, counts) == []


def test_parameter_counts() -> None:
    counts = {f"{name_of(path)}:{node.name}": parameters(node) for path in sources() for node in functions(path)}
    assert over("parameters", PARAMETERS_MAX, counts) == []


def test_function_names() -> None:
    words = {f"{name_of(path)}:{node.name}": len(node.name.strip("_").split("_"))
             for path in sources() for node in functions(path) if not node.name.startswith("__")}
    assert over("words", NAME_WORDS_MAX, words) == []


def test_module_docstrings() -> None:
    bare = [name_of(path) for path in sources() if path.read_text().strip() and not ast.get_docstring(tree_of(path))]
    assert bare == []


def test_public_docstrings() -> None:
    named = [(f"{name_of(path)}:{node.name}", node) for path in sources() for node in tree_of(path).body
             if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")]
    bare = [place for place, node in named if not ast.get_docstring(node)]
    assert bare == []


def test_local_imports() -> None:
    inner = [f"{name_of(path)}:{node.name}" for path in sources() for node in functions(path)
             if any(isinstance(part, ast.Import | ast.ImportFrom) for part in ast.walk(node))]
    assert inner == []


def test_global_statements() -> None:
    bad = [name_of(path) for path in sources() for node in ast.walk(tree_of(path)) if isinstance(node, ast.Global)]
    stars = [name_of(path) for path in sources() for node in ast.walk(tree_of(path))
             if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)]
    assert bad + stars == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))
               for kind in kinds)


def test_broad_excepts() -> None:
    broad = {name_of(path) for path in sources() for node in ast.walk(tree_of(path))
             if isinstance(node, ast.ExceptHandler) and is_broad(node)}
    assert broad == set(BROAD_EXCEPTS)


def test_exact_floors() -> None:
    floats = [f"{name_of(path)}:{node.lineno}" for path in sources() if name_of(path).startswith(EXACT)
              for node in ast.walk(tree_of(path))
              if (isinstance(node, ast.Constant) and isinstance(node.value, float))
              or (isinstance(node, ast.Name) and node.id == "float")]
    assert floats == []


def dotted(path: Path) -> set[str]:
    """Names used as `module.attribute` and modules imported, of one file."""
    used = {f"{node.value.id}.{node.attr}" for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            used |= {f"{node.module}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
    return used


def test_one_clock() -> None:
    forbidden = {"time", "random", "secrets", "os.urandom", "datetime.now", "datetime.utcnow", "date.today"}
    assert {name_of(path): found for path in sources() if not name_of(path).startswith(TIME_READERS)
            and (found := forbidden & dotted(path))} == {}


def test_one_environment() -> None:
    forbidden = {"os.environ", "os.getenv", "os.environb", "os.putenv"}
    assert {name_of(path): found for path in sources() if not name_of(path).startswith(ENVIRONMENT_READERS)
            and (found := forbidden & dotted(path))} == {}


def module_of(path: Path) -> str:
    return ".".join(("tokenworks", *path.relative_to(SRC).with_suffix("").parts)).removesuffix(".__init__")


def imports_of(path: Path, known: frozenset[str]) -> set[str]:
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found |= inner or {node.module}
    return (found & known) - {module_of(path)}


def test_import_cycles() -> None:
    known = frozenset(module_of(path) for path in sources())
    graph = {module_of(path): imports_of(path, known) for path in sources()}
    while leaves := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    users = {name for name in graph if any(name in needs for needs in graph.values())}
    assert users == set(), "these modules import each other in a circle (or import such)"


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_loose_ends(word: str) -> None:
    loose = [name for name in tracked() if name.endswith((".py", ".md", ".sh", ".toml"))
             and re.search(rf"\b{word}\b", (ROOT / name).read_text())]
    assert loose == []


def test_lock_addresses() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "://" not in text and "--index" not in text and "find-links" not in text, lock.name
        assert re.findall(r"^[^\s#].*==.*", text, re.M), f"{lock.name} pins nothing"


def test_tests_mirror() -> None:
    """Every module of a pure floor that does something has its own tests, at the same place in the tree."""
    floors = ("wire", "usage", "tariff", "ledger", "credit", "admission", "routing")
    modules = [path for path in sources() if path.relative_to(SRC).parts[0] in floors and any(functions(path))]
    missing = {name_of(path) for path in modules if path.name != "__init__.py"
               and not (ROOT / "tests" / path.relative_to(SRC).parent / f"test_{path.name}").exists()}
    assert missing - UNMIRRORED == set()
