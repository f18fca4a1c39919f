"""Every tool of the table: what is shown for it reads in its own format and says what connects it."""

from __future__ import annotations

import ast
import json
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tokenworks.cli.connect.merge import merge_text
from tokenworks.cli.connect.setup import Edit, ModelFact, Setup
from tokenworks.cli.connect.tools import TOOLS, Tool, ToolName, find_tool
from tokenworks.cli.exits import Failed

KEY = "tw_live_0000"
HOME = Path("/home/of/nobody")
SETUP = Setup("https://gw.example", KEY, "m1", (ModelFact("m1", 131072, 8192), ModelFact("m2")), HOME)


def written(tool: str, setup: Setup = SETUP) -> tuple[Edit, Any]:
    """The first file of a tool, read by its format's own reader and not by ours."""
    files = TOOLS[tool].files
    assert files is not None
    edit = files(setup)[0]
    read = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
    return edit, read[edit.format](merge_text(edit, ""))


def test_the_table_has_every_tool_once_and_one_way_for_each() -> None:
    assert tuple(TOOLS) == get_args(ToolName), "the command line completes and checks these"
    for tool in TOOLS.values():
        assert sum(way is not None for way in (tool.files, tool.auth, tool.snippet)) == 1, tool.name


def test_claude() -> None:
    edit, found = written("claude")
    assert edit.path == HOME / ".claude" / "settings.json" and edit.private
    env = found["env"]
    assert env["ANTHROPIC_BASE_URL"] == "https://gw.example" and env["ANTHROPIC_AUTH_TOKEN"] == KEY
    assert env["CLAUDE_CODE_MAX_RETRIES"] == "2" and env["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "131072"
    assert {env[f"ANTHROPIC_DEFAULT_{size}_MODEL"] for size in ("OPUS", "SONNET", "HAIKU")} == {"m1"}
    assert all(isinstance(value, str) for value in env.values()), "an environment has only texts"


def test_claude_without_known_sizes_says_none() -> None:
    _, found = written("claude", SETUP._replace(models=()))
    assert not {"CLAUDE_CODE_MAX_CONTEXT_TOKENS", "CLAUDE_CODE_MAX_OUTPUT_TOKENS"} & found["env"].keys()


def test_codex() -> None:
    edit, found = written("codex")
    assert edit.path == HOME / ".codex" / "config.toml"
    assert (found["model"], found["model_provider"], found["model_context_window"]) == ("m1", "tokenworks", 131072)
    provider = found["model_providers"]["tokenworks"]
    assert provider["base_url"] == "https://gw.example/v1" and provider["wire_api"] == "responses"
    assert (provider["request_max_retries"], provider["stream_max_retries"]) == (0, 0)
    assert provider["env_key"] == TOOLS["codex"].variable and KEY not in merge_text(edit, "")
    assert found["notice"]["hide_rate_limit_model_nudge"] is True
    assert found["web_search"] == "disabled"


def test_opencode() -> None:
    edit, found = written("opencode")
    assert edit.path == HOME / ".config" / "opencode" / "opencode.json" and edit.private
    provider = found["provider"]["tokenworks"]
    assert provider["options"] == {"baseURL": "https://gw.example/v1", "apiKey": KEY}
    assert provider["models"]["m1"]["limit"] == {"context": 131072, "output": 8192} and "m2" in provider["models"]
    assert found["model"] == found["small_model"] == "tokenworks/m1"


def test_opencode_takes_the_file_that_is_there(tmp_path: Path) -> None:
    there = tmp_path / ".config" / "opencode" / "opencode.jsonc"
    there.parent.mkdir(parents=True)
    there.write_text("{}")
    edit, _ = written("opencode", SETUP._replace(home=tmp_path))
    assert edit.path == there


def test_qwen() -> None:
    edit, found = written("qwen")
    assert edit.path == HOME / ".qwen" / "settings.json" and edit.private
    (model,) = found["modelProviders"]["openai"]
    assert model["baseUrl"] == "https://gw.example/v1" and found["env"][model["envKey"]] == KEY
    assert model["generationConfig"] == {"maxRetries": 0, "contextWindowSize": 131072}
    assert found["security"]["auth"]["selectedType"] == "openai" and found["model"]["name"] == model["id"] == "m1"


def test_cline() -> None:
    auth = TOOLS["cline"].auth
    assert auth is not None
    assert shlex.split(shlex.join(auth(SETUP))) == [
        "cline", "auth", "-p", "openai", "-k", KEY, "-m", "m1", "-b", "https://gw.example/v1"]


def test_aider() -> None:
    edit, found = written("aider")
    assert edit.path == HOME / ".aider.conf.yml" and edit.private
    assert found["model"] == found["weak-model"] == "openai/m1" and found["openai-api-key"] == KEY


def test_llm() -> None:
    edit, found = written("llm")
    assert edit.path.name == "extra-openai-models.yaml"
    files = TOOLS["llm"].files
    assert files is not None
    keys = files(SETUP)[1]
    assert keys.private and json.loads(merge_text(keys, ""))[found[0]["api_key_name"]] == KEY
    assert found[0]["api_base"] == "https://gw.example/v1" and found[0]["model_name"] == "m1"


@pytest.mark.parametrize("variable", ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "LLM_USER_PATH"])
def test_settings_that_were_moved(variable: str) -> None:
    setup = SETUP._replace(env={variable: "/elsewhere"})
    places = {edit.path for tool in TOOLS.values() if tool.files for edit in tool.files(setup)}
    assert any(path.is_relative_to("/elsewhere") for path in places)


@pytest.mark.parametrize("tool", [tool for tool in TOOLS.values() if tool.snippet], ids=lambda tool: tool.name)
def test_snippets(tool: Tool) -> None:
    assert tool.snippet is not None
    language, write = tool.snippet
    text = write(SETUP._replace(model='m "1" $x'))
    if language == "python":
        ast.parse(text)
    elif language == "sh":
        done = subprocess.run(["bash", "-c", f"{text}\nenv"], capture_output=True, text=True, check=True, env={})
        assert KEY in done.stdout and "https://gw.example" in done.stdout
    elif shutil.which("node"):
        subprocess.run(["node", "--check", "--input-type=module", "-"], input=text, text=True, check=True)
    assert "https://gw.example" in text and KEY in text


@pytest.mark.parametrize(("name", "words"), [("codx", "Did you mean codex?"), ("Claude", "Did you mean claude?"),
                                             ("zzz", "There are: openai, anthropic, ")])
def test_unknown(name: str, words: str) -> None:
    with pytest.raises(Failed, match="There is no tool") as caught:
        find_tool(name)
    assert words in str(caught.value)
