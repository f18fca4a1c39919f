"""Completion scripts, sourced and asked by the shells that are here."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from tests.cli.conftest import Shell

ASK = """source /dev/stdin
complete -p tokenworks tw
for words in "acc" "account " "account list --li" "deployment add x --engine v" "completion z" \
             "connect cod" "call --incl" "chat --dialect r"; do
  COMP_WORDS=(tokenworks $words); [ "${words% }" = "$words" ] || COMP_WORDS+=("")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=(); _tokenworks; echo "${COMPREPLY[@]}"
done"""


def test_bash(alone: Shell) -> None:
    script = alone.bare("completion", "bash").out
    done = subprocess.run(["bash", "-c", ASK], input=script, capture_output=True, text=True, check=False)
    assert done.stderr == "" and done.stdout.splitlines() == [
        "complete -F _tokenworks tokenworks", "complete -F _tokenworks tw", "account",
        "create list show change statement wallet refund", "--limit", "vllm", "zsh", "codex", "--include", "responses"]


@pytest.mark.parametrize(("shell", "opening"), [("zsh", "#compdef tokenworks tw"), ("fish", "# Fish completion")])
def test_others(alone: Shell, shell: str, opening: str) -> None:
    """Read by the shell itself where it is installed, else by eye."""
    script = alone.bare("completion", shell).out
    assert script.startswith(opening) and "rate-card" in script and "tw" in script.splitlines()[-1] + opening
    if shutil.which(shell):
        done = subprocess.run([shell, "-n", "/dev/stdin"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_unknown_shell(alone: Shell) -> None:
    result = alone.bare("completion", "tcsh")
    assert result.code == 2 and "bash" in result.err


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize(("typed", "completed"), [
    ("tokenworks connect cod", "codex"), ("tw rate-c", "rate-card"), ("tokenworks call --incl", "--include"),
    ("tokenworks chat --dialect r", "responses")])
def test_fish_completes(alone: Shell, typed: str, completed: str) -> None:
    script = alone.bare("completion", "fish").out
    words = ["fish", "-c", f"source; complete -C {typed!r}"]
    done = subprocess.run(words, input=script, capture_output=True, text=True, check=False)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [completed], done.stderr


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_takes_it_for_both_names(alone: Shell) -> None:
    (alone.state / "_tokenworks").write_text(alone.bare("completion", "zsh").out)
    words = (f"fpath=({alone.state} $fpath); autoload -Uz compinit; compinit -u -d {alone.state}/dump; "
             "print ${_comps[tokenworks]} ${_comps[tw]}")
    done = subprocess.run(["zsh", "-f", "-c", words], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["_tokenworks", "_tokenworks"], done.stderr
