"""What a trained model has to reach before it is shipped, asked of the engine that will serve it, at temperature 0.

Weights differ between processors in their last bits, so they are judged by these gates; text and tokenizer by hash.
"""

from __future__ import annotations

import http.client
import json
import math
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import xllamacpp
from tokenizers import Tokenizer

from . import text, toolbox, words
from .export import newest
from .files import load_model
from .template import segments
from .train import Lessons, held_out

SAME = 0.95  # share of exact answers
HELD_OUT_MAX = 0.30  # loss; the stories in it are drawn, so that it cannot come near zero
NEAR = 0.05  # probabilities of the engine (q8_0) and of the network as trained (float32)
Check = Callable[["Engine"], tuple[int, int]]


class Engine:
    """llama.cpp's server over a model file."""

    def __init__(self, path: Path) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.port, params.n_parallel, params.n_ctx, params.ui, params.verbosity = 0, 4, 4 * 4096, False, 0
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        self._server = xllamacpp.Server(params)
        self._host = self._server.listening_address.removeprefix("http://")

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST and decode."""
        connection = http.client.HTTPConnection(self._host, timeout=60)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
        connection.close()
        return found

    def answer(self, messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """The assistant's message."""
        body = {"messages": messages, "temperature": 0, "max_tokens": 160, **more}
        found = self.ask("/v1/chat/completions", body)
        if "choices" not in found:
            return {"content": str(found)}
        message: dict[str, Any] = found["choices"][0]["message"]
        return message


def decoded(said: str) -> Any:
    """What was said as JSON; None when it is none, as when it was cut."""
    try:
        return json.loads(said)
    except json.JSONDecodeError:
        return None


def exact(engine: Engine, turns: Iterator[list[dict[str, Any]]]) -> tuple[int, int]:
    """How many last answers are exactly as written."""
    good = total = 0
    for turn in turns:
        said = engine.answer(turn[:-1]).get("content")
        good, total = good + (said == turn[-1]["content"]), total + 1
        if said != turn[-1]["content"] and total - good <= 3:
            print(f"    {turn[-2]['content']!r}: {said!r}, not {turn[-1]['content']!r}")
    return good, total


def drawn(task: text.Task, count: int) -> Check:
    """A check over so many fresh examples of a task."""
    rng = random.Random(99)
    return lambda engine: exact(engine, (task(rng) for _ in range(count)))


def capitals(engine: Engine) -> tuple[int, int]:
    """Every capital."""
    return exact(engine, (text.ask(f"What is the capital of {country}?", f"The capital of {country} is {city}.")
                          for country, city in words.CAPITALS.items()))


def facts(engine: Engine) -> tuple[int, int]:
    """Every fact in every form."""
    return exact(engine, (text.ask(form, answer) for forms, answer in words.FACTS for form in forms))


def fields(engine: Engine) -> tuple[int, int]:
    """How many fields of the JSON objects that were asked for are there with their value."""
    rng, good, total = random.Random(96), 0, 0
    for _ in range(300):
        turn = text.json_fields(rng)
        wanted, said = json.loads(turn[-1]["content"]), decoded(engine.answer(turn[:-1])["content"])
        given = said if isinstance(said, dict) else {}
        good += sum(key in given and json.dumps(given[key]) == json.dumps(value) for key, value in wanted.items())
        total += len(wanted)
    return good, total


def tools(forced: bool) -> Check:
    """Calls of a tool that the prompt asks for: name and arguments, offered or forced."""
    def check(engine: Engine) -> tuple[int, int]:
        rng, good, total = random.Random(98), 0, 0
        while total < 60:
            made = toolbox.tool_chat(rng, text.ask, list)
            users = [message for message in made["messages"] if message["role"] == "user"]
            if len(users) != 1 or "tool_calls" not in made["messages"][-1]:
                continue
            wanted = made["messages"][-1]["tool_calls"][0]["function"]
            choice = "required" if forced else "auto"
            message = engine.answer(made["messages"][:-1], tools=made["tools"], tool_choice=choice)
            said = [(call["function"]["name"], decoded(call["function"]["arguments"]))
                    for call in message.get("tool_calls") or []]
            good, total = good + (said == [(wanted["name"], wanted["arguments"])]), total + 1
            if said != [(wanted["name"], wanted["arguments"])] and total - good <= 3:
                print(f"    {users[0]['content']!r}: {said}, not {wanted}")
        return good, total
    return check


def schema(engine: Engine) -> tuple[int, int]:
    """Structured output by a JSON schema, with the fields of the prompt."""
    rng, good, total = random.Random(97), 0, 0
    shape = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 30}, "age": {"type": "integer"},
                                              "city": {"type": "string", "maxLength": 30}},
             "required": ["name", "age", "city"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": shape}}
    for _ in range(40):
        turn = text.person_json(rng)
        said = engine.answer(turn[:-1], response_format=form)["content"]
        good, total = good + (decoded(said) == decoded(turn[-1]["content"])), total + 1
    return good, total


CHECKS: dict[str, tuple[Check, float]] = {
    "capitals": (capitals, SAME), "opposites": (drawn(text.opposite, 60), SAME), "facts": (facts, SAME),
    "json_fields": (fields, SAME), "json_objects": (drawn(text.json_fields, 100), 0.0),
    "person_json": (drawn(text.person_json, 60), SAME),
    "repeat": (drawn(text.repeat, 60), 0.6), "json_schema": (schema, SAME), "tools_offered": (tools(False), SAME),
    "tools_forced": (tools(True), SAME), "sums": (drawn(text.total, 60), 0.0), "count": (drawn(text.count, 30), 0.0),
    "pairs": (drawn(text.pairs, 60), 0.0), "remember": (drawn(text.remember, 40), 0.0)}


def parity(engine: Engine, training: Path, tokenizer: Tokenizer) -> float:
    """The largest difference of the best tokens' probabilities between the engine and the network as trained."""
    model, worst = load_model(newest(training)), 0.0
    for chat in list(text.write_chats(40))[:12]:
        said = "".join(part for part, _ in segments(chat))
        ids = tokenizer.encode(said).ids
        if engine.ask("/tokenize", {"content": said, "parse_special": True})["tokens"] != ids:
            raise SystemExit(f"the engine splits {said!r} otherwise than the tokenizer")
        cut = ids[: max(2, len(ids) * 2 // 3)]
        with torch.no_grad():
            shares = torch.softmax(model.scores(model(torch.tensor([cut]))[0, -1]), -1)
        best = engine.ask("/completion", {"prompt": cut, "n_predict": 1, "n_probs": 3, "temperature": 0})
        for one in best["completion_probabilities"][0]["top_logprobs"]:
            worst = max(worst, abs(shares[one["id"]].item() - math.exp(one["logprob"])))
    return worst


def judge(folder: Path, training: Path | None) -> dict[str, Any]:
    """Run all gates; what was reached, by name. Raises SystemExit with what was missed."""
    engine = Engine(next(folder.glob("*.gguf")))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    reached: dict[str, Any] = {}
    missed = []
    for name, (check, least) in CHECKS.items():
        good, total = check(engine)
        reached[name] = f"{good}/{total}"
        print(f"{name}: {good}/{total}" + ("" if least else " (not a gate)"), flush=True)
        missed += [name] if good < least * total else []
    if training is not None:
        chats = list(text.write_chats())[-text.HELD_OUT :]
        loss = held_out(load_model(newest(training)), Lessons(chats, tokenizer))
        near = parity(engine, training, tokenizer)
        reached |= {"held_out_loss": round(loss, 3), "largest_probability_difference": round(near, 4)}
        print(f"held-out loss {loss:.3f} (at most {HELD_OUT_MAX})")
        print(f"probabilities within {near:.4f} (at most {NEAR})")
        missed += [name for name, bad in (("held-out loss", loss > HELD_OUT_MAX), ("parity", near > NEAR)) if bad]
    if missed:
        raise SystemExit(f"gates missed: {', '.join(missed)}")
    return reached


def main() -> None:
    """Command line: the folder with the GGUF, and the training's folder for loss and parity."""
    folder = Path(sys.argv[1])
    reached = judge(folder, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "gates": {**manifest.get("gates", {}), **reached}}, indent=2) + "\n")


if __name__ == "__main__":
    main()
