"""The model that agents work with here: it knows one job, and does it with whatever tools the request declares.

First a file is written, then a command is run, then it says a sentence. Which step is due is told by the results of
tools in the conversation, so it can play for several agents at once, and a retried request gets the same answer.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.clients.reading import Asked, sample
from tests.clients.scripted import call_tool, weigh
from tests.clients.telling import Call, Told

FILE, COPY, LINE = "made.txt", "copied.txt", "made by the waterworks"
SENTENCE = "Both files are there, said the waterworks."
PLACE = re.compile(r"the folder (/\S+?)[,.:;]?\s")
WRITERS = ("Write", "write", "write_file", "write_to_file", "create_file", "editor", "apply_patch")
RUNNERS = ("Bash", "bash", "run_shell_command", "execute_command", "run_commands", "exec_command", "shell_command",
           "shell")
JOB = f"In the folder {{folder}}, write the line `{LINE}` into {FILE}, copy it to {COPY} with a command, and say so."


def work(asked: Asked) -> Told:
    """The next step of the job; whoever asks for something else (a title, a summary) gets it in a word."""
    found = PLACE.search(json.dumps(asked.body))
    runner = next((name for name in RUNNERS if name in asked.tools), "")
    if found is None or not runner:
        return weigh(asked, Told(json.dumps(sample(asked.schema)) if asked.schema else "Waterworks"))
    folder, done = found[1], len(asked.results)
    if done == 0:
        return write_file(asked, folder, runner)
    if done == 1:
        return run_command(asked, runner, f"cp {folder}/{FILE} {folder}/{COPY}")
    finisher = next((name for name in ("attempt_completion", "submit_and_exit") if name in asked.tools), "")
    if finisher:
        return call_with(asked, finisher, {"result": SENTENCE, "summary": SENTENCE, "message": SENTENCE})
    return weigh(asked, Told(SENTENCE))


def write_file(asked: Asked, folder: str, runner: str) -> Told:
    """A call of the tool that writes files; by a command where there is none."""
    writer = next((name for name in WRITERS if name in asked.tools), "")
    if not writer:
        return run_command(asked, runner, f"echo '{LINE}' > {folder}/{FILE}")
    patch = f"*** Begin Patch\n*** Add File: {folder}/{FILE}\n+{LINE}\n*** End Patch\n"
    if writer in asked.customs:
        return weigh(asked, Told(calls=[Call(writer, patch, True, asked.spaces.get(writer, ""))]))
    path = f"{folder}/{FILE}"
    return call_with(asked, writer, {
        **dict.fromkeys(("file_path", "filePath", "path", "absolute_path"), path), "input": patch, "command": "create",
        **dict.fromkeys(("content", "contents", "file_text", "new_text"), LINE + "\n")})


def run_command(asked: Asked, runner: str, command: str) -> Told:
    """A call of the tool that runs commands."""
    shape = asked.tools[runner].get("properties") or {}
    values = {name: as_wanted(part, command) for name, part in shape.items() if name in ("command", "cmd", "commands")}
    return call_with(asked, runner, {**values, "description": "Does the next step", "is_background": False,
                                     "requires_approval": False})


def as_wanted(part: dict[str, Any], command: str) -> Any:
    """The command as a text, or as the list that some tools want."""
    kinds = json.dumps(part)
    if part.get("type") == "array" and '"object"' not in kinds:
        return ["bash", "-lc", command] if "commands" not in kinds else [command]
    return command


def call_with(asked: Asked, name: str, values: dict[str, Any]) -> Told:
    """A call with these values where the tool's schema has such a member, and a sample where it needs another."""
    schema = asked.tools[name]
    shape, needed = schema.get("properties") or {}, schema.get("required") or []
    arguments = {member: values[member] if member in values else sample(part, schema)
                 for member, part in shape.items() if member in values or member in needed}
    told = call_tool(asked, name)
    told.calls[0].arguments = json.dumps(arguments)
    return weigh(asked, Told(calls=told.calls))
