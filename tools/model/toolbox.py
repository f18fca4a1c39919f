"""Chats with tools: known ones under the names people give them, and made-up ones, so that the form is learnt."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from . import words

Message = dict[str, Any]
Call = tuple[str, dict[str, Any], str, str]  # what the user says, the arguments, the tool's result, the answer


def describe(name: str, about: str, fields: dict[str, str]) -> dict[str, Any]:
    """A tool in the shape of the OpenAI API; `fields` is name -> JSON type."""
    properties = {field: {"type": kind} for field, kind in fields.items()}
    return {"type": "function", "function": {"name": name, "description": about, "parameters": {
        "type": "object", "properties": properties, "required": list(fields)}}}


def weather(rng: random.Random) -> tuple[dict[str, Any], Call]:
    """The tool that everybody tries first."""
    name = rng.choice(["get_weather", "get_weather", "weather", "get_current_weather"])
    field, city = rng.choice(["city", "city", "location"]), rng.choice(words.CITIES)
    says = rng.choice(["What is the weather in {}?", "Weather in {}?", "How is the weather in {}?",
                       "What's the weather like in {}?", "What is the weather in {} today?"]).format(city)
    degrees, sky = rng.randint(-9, 35), rng.choice(words.WEATHERS)
    about = rng.choice(["Get the weather of a city", "Get the current weather", "Weather of a city"])
    return (describe(name, about, {field: "string"}),
            (says, {field: city}, json.dumps({"sky": sky, "degrees": degrees}),
             f"In {city} there is {sky} at {degrees} degrees."))


def clock(rng: random.Random) -> tuple[dict[str, Any], Call]:
    """The time of a city."""
    city, hour, minute = rng.choice(words.CITIES), rng.randint(0, 23), rng.randint(10, 59)
    says = rng.choice(["What time is it in {}?", "Time in {}?", "Tell me the time in {}."]).format(city)
    return (describe(rng.choice(["get_time", "clock"]), "Get the time of a city", {"city": "string"}),
            (says, {"city": city}, json.dumps({"time": f"{hour}:{minute}"}), f"It is {hour}:{minute} in {city}."))


def adder(rng: random.Random) -> tuple[dict[str, Any], Call]:
    """Two numbers."""
    left, right = rng.randint(0, 999), rng.randint(0, 999)
    says = rng.choice(["What is {} + {}?", "Add {} and {}.", "Compute {} plus {}."]).format(left, right)
    return (describe("add", "Add two numbers", {"a": "integer", "b": "integer"}),
            (says, {"a": left, "b": right}, str(left + right), f"{left} + {right} = {left + right}"))


def search(rng: random.Random) -> tuple[dict[str, Any], Call]:
    """A search for a topic."""
    topic, found = rng.choice(words.TOPICS), rng.randint(2, 99)
    says = rng.choice(["Search for {}.", "Look up {}.", "Find something about {}."]).format(topic)
    return (describe(rng.choice(["search", "web_search"]), "Search for a text", {"query": "string"}),
            (says, {"query": topic}, json.dumps({"found": found}), f"I found {found} results for {topic}."))


def mail(rng: random.Random) -> tuple[dict[str, Any], Call]:
    """A message to somebody."""
    name, text = rng.choice(words.NAMES), f"the {rng.choice(words.ITEMS)} is {rng.choice(words.COLOURS)}"
    says = rng.choice(["Tell {} that {}.", "Write to {}: {}", "Send {} the message: {}"]).format(name, text)
    return (describe("send_message", "Send a message to a person", {"to": "string", "text": "string"}),
            (says, {"to": name, "text": text}, json.dumps({"sent": True}), f"I told {name} that {text}."))


def made_up(rng: random.Random) -> tuple[dict[str, Any], Call]:
    """A tool nobody has seen: its name and fields are to be read, not remembered."""
    verb = rng.choice(["get", "find", "set", "make", "open", "check", "start", "book"])
    noun = rng.choice([*words.ITEMS, *words.PLACES, *words.TREASURES])
    kinds = {"name": rng.choice(words.NAMES), "id": rng.randint(1, 999), "colour": rng.choice(words.COLOURS),
             "city": rng.choice(words.CITIES), "count": rng.randint(1, 99), "topic": rng.choice(words.TOPICS)}
    fields = {key: kinds[key] for key in rng.sample(list(kinds), rng.randint(1, 2))}
    types = {key: "integer" if isinstance(value, int) else "string" for key, value in fields.items()}
    said = " and ".join(f"{key} {value}" for key, value in fields.items())
    says = rng.choice([f"{verb.title()} the {noun} with {said}.", f"Use {verb}_{noun} with {said}.",
                       f"Call {verb}_{noun}: {said}", f"Please {verb} a {noun} with {said}."])
    return (describe(f"{verb}_{noun}", f"{verb.title()} a {noun}", types),
            (says, fields, json.dumps({"ok": True}), f"The {noun} is done."))


MAKERS: dict[Callable[[random.Random], tuple[dict[str, Any], Call]], int] = {
    weather: 6, clock: 2, adder: 2, search: 2, mail: 2, made_up: 5}


def tool_chat(rng: random.Random, ask: Callable[[str, str], list[Message]], task: Callable[[], list[Message]]) -> dict[
        str, Any]:
    """A chat with one to three tools: mostly a call, sometimes its result and answer, sometimes no need of any."""
    made: dict[str, tuple[dict[str, Any], Call]] = {}
    for maker in rng.choices(list(MAKERS), list(MAKERS.values()), k=rng.choices([1, 2, 3], [60, 30, 10])[0]):
        tool, call = maker(rng)
        made.setdefault(tool["function"]["name"], (tool, call))
    name = rng.choice(list(made))
    says, arguments, result, answer = made[name][1]
    messages: list[Message] = []
    if rng.random() < 0.3:
        messages.append({"role": "system", "content": rng.choice(words.SYSTEMS)})
    if rng.random() < 0.12:
        messages += task()
    else:
        function = {"name": name, "arguments": arguments}
        messages += [{"role": "user", "content": says},
                     {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]}]
        if rng.random() < 0.4:
            messages += [{"role": "tool", "content": result}, {"role": "assistant", "content": answer}]
    return {"messages": messages, "tools": [tool for tool, _ in made.values()]}
