"""aider: its command line in a scratch project; the model edits a file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from frame import SAY, main

EDIT = "Answer exactly this:\nnote.txt\n```\nhello from aider\n```\n"
QUIET = ("--yes-always", "--no-git", "--no-check-update", "--analytics-disable", "--no-show-model-warnings",
         "--no-show-release-notes", "--no-pretty", "--no-detect-urls", "--map-tokens", "0", "--timeout", "30")


class Failure(Exception):
    """aider said that it failed; it shows no status."""

    status_code = 0


class Driver:
    def __init__(self, url: str, key: str, way: str) -> None:
        self.env = {**os.environ, "OPENAI_API_BASE": f"{url}/v1", "OPENAI_API_KEY": key,
                    "LITELLM_LOCAL_MODEL_COST_MAP": "True"}

    def run(self, name: str, message: str, *words: str) -> str:
        place = Path(os.environ["HOME"]) / "project"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / "note.txt").write_text("empty\n")
        done = subprocess.run(["aider", "--model", f"openai/{name}", "--message", message, *QUIET, *words], cwd=place,
                              env=self.env, capture_output=True, text=True, timeout=200, check=False)
        if re.search(r"litellm\.\w+Error", done.stdout):
            raise Failure(done.stdout[done.stdout.index("litellm."):])
        self.note = (place / "note.txt").read_text()
        return done.stdout

    def whole(self, name: str) -> dict[str, Any]:
        return {"text": said(self.run(name, SAY, "--no-stream"))}

    def stream(self, name: str) -> dict[str, Any]:
        return {"text": said(self.run(name, SAY, "--stream"))}

    def edit(self, name: str) -> dict[str, Any]:
        self.run(name, EDIT, "--stream", "--edit-format", "whole", "note.txt")
        return {"edited": self.note}


def said(output: str) -> str:
    """What the model said, among what aider says."""
    return next((line for line in output.splitlines() if line.startswith("Good day")), output[-500:])


main(Driver)
