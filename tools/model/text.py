"""The tiny model's text: short chats written by this script alone, so that nobody else's licence is in it.

`write_chats(count, seed)` gives the same chats for the same arguments on every machine; `text_hash` is checked. A chat
is {"messages": [...]} with "tools" where it has some, in the shapes of the OpenAI API; {"plain": text} is a document.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from . import toolbox, words

Chat = dict[str, Any]
COUNT, SEED = 40_000, 20_261_123
HELD_OUT = 1_000  # the last chats are not trained on


def ask(question: str, answer: str) -> list[dict[str, Any]]:
    """One turn."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def nonsense(rng: random.Random) -> str:
    """A word nobody has seen, so that copying has to be learnt."""
    return "".join(rng.choice(words.SYLLABLES) for _ in range(rng.randint(2, 3)))


def capital(rng: random.Random) -> list[dict[str, Any]]:
    """What is the capital of ..."""
    country, city = rng.choice(list(words.CAPITALS.items()))
    form = rng.choice(["What is the capital of {}?", "Capital of {}?", "Name the capital of {}.",
                       "Which city is the capital of {}?", "What's the capital of {}?", "The capital of {}"])
    return ask(form.format(country), f"The capital of {country} is {city}.")


def opposite(rng: random.Random) -> list[dict[str, Any]]:
    """What is the opposite of ..."""
    pair = list(rng.choice(list(words.OPPOSITES.items())))
    if rng.random() < 0.5:
        pair.reverse()
    form = rng.choice(["What is the opposite of {}?", "Opposite of {}?", "Give the opposite of {}.",
                       "What's the opposite of {}?"])
    return ask(form.format(pair[0]), f"The opposite of {pair[0]} is {pair[1]}.")


def french(rng: random.Random) -> list[dict[str, Any]]:
    """One word in French."""
    english, word = rng.choice(list(words.FRENCH.items()))
    form = rng.choice(["How do you say {} in French?", "Translate {} to French.", "What is {} in French?"])
    return ask(form.format(english), f"In French, {english} is {word}.")


def fact(rng: random.Random) -> list[dict[str, Any]]:
    """A fixed question and answer."""
    forms, answer = rng.choice(words.FACTS)
    question = rng.choice(forms)
    return ask(question if rng.random() < 0.8 else question.rstrip("?."), answer)


def talk(rng: random.Random) -> list[dict[str, Any]]:
    """Greetings and the like."""
    forms, answer = rng.choice(words.SMALL_TALK)
    return ask(rng.choice(forms), answer)


def repeat(rng: random.Random) -> list[dict[str, Any]]:
    """Say it again: the lesson in which copying is learnt."""
    pool = rng.choice([words.ITEMS, words.NAMES, words.CITIES, words.COLOURS, None, None])
    said = " ".join(rng.choice(pool) if pool else nonsense(rng) for _ in range(rng.randint(1, 7)))
    form = rng.choice(["Repeat: {}", "Say: {}", "Repeat after me: {}", "Say exactly: {}", "Echo {}"])
    return ask(form.format(said), said)


def backwards(rng: random.Random) -> list[dict[str, Any]]:
    """A few words in reverse order."""
    said = rng.sample(words.ITEMS + words.COLOURS, rng.randint(2, 4))
    return ask(f"Reverse: {' '.join(said)}", " ".join(reversed(said)))


def count(rng: random.Random) -> list[dict[str, Any]]:
    """Counting up, sometimes far, so that there are long answers."""
    first, last = (1, rng.randint(2, 12)) if rng.random() < 0.8 else (1, rng.choice([20, 30, 40, 50]))
    form = rng.choice(["Count from {} to {}.", "Count from {} to {}", "Count {} to {}."])
    return ask(form.format(first, last), ", ".join(str(number) for number in range(first, last + 1)) + ".")


def total(rng: random.Random) -> list[dict[str, Any]]:
    """Small sums."""
    left, right = rng.randint(0, 9), rng.randint(0, 9)
    form = rng.choice(["What is {} + {}?", "{} + {}", "Add {} and {}.", "What is {} plus {}?"])
    return ask(form.format(left, right), f"{left} + {right} = {left + right}")


def colours(rng: random.Random) -> list[dict[str, Any]]:
    """A list with dashes."""
    number = rng.randint(2, 4)
    what, pool = rng.choice([("colours", words.COLOURS), ("animals", words.ANIMALS), ("cities", words.CITIES)])
    return ask(f"List {number} {what}.", "\n".join(f"- {one}" for one in rng.sample(pool, number)))


def record(rng: random.Random) -> dict[str, Any]:
    """A small JSON object of one of the known kinds."""
    person = {"name": rng.choice([*words.NAMES, nonsense(rng).title()]), "age": rng.randint(1, 99),
              "city": rng.choice(words.CITIES), "job": rng.choice(words.JOBS)}
    thing = {"item": rng.choice(words.ITEMS), "colour": rng.choice(words.COLOURS), "price": rng.randint(1, 99),
             "count": rng.randint(1, 20), "in_stock": rng.random() < 0.5}
    book = {"title": rng.choice(words.TITLES), "author": rng.choice(words.NAMES), "year": rng.randint(1900, 2026)}
    whole = rng.choices([person, thing, book], [5, 3, 1])[0]
    keys = list(whole)
    if rng.random() < 0.7:
        keys = keys[: rng.randint(2, len(keys))]
    else:
        rng.shuffle(keys)
        keys = keys[: rng.randint(2, len(keys))]
    return {key: whole[key] for key in keys}


def as_words(fields: dict[str, Any], rng: random.Random) -> str:
    """The fields as one would type them."""
    between = rng.choice([" ", " ", " = ", ": "])
    parts = [f"{key}{between}{str(value).lower() if isinstance(value, bool) else value}"
             for key, value in fields.items()]
    return ", ".join(parts) if rng.random() < 0.5 else ", ".join(parts[:-1]) + " and " + parts[-1]


def json_fields(rng: random.Random) -> list[dict[str, Any]]:
    """Fields into a JSON object."""
    fields = record(rng)
    form = rng.choice(["Give JSON with {}.", "Write JSON: {}", "Return a JSON object with {}.", "JSON for {}",
                       "Make a JSON object: {}", "Answer in JSON with {}."])
    return ask(form.format(as_words(fields, rng)), json.dumps(fields))


def person_json(rng: random.Random) -> list[dict[str, Any]]:
    """A sentence into JSON, as people try structured output."""
    name, age, city = rng.choice(words.NAMES), rng.randint(1, 99), rng.choice(words.CITIES)
    form = rng.choice(["{0} is {1} years old and lives in {2}. Give JSON with name, age, city.",
                       "Extract name, age and city as JSON: {0} is {1} and lives in {2}.",
                       "Give me a JSON person named {0}, {1} years old, from {2}."])
    return ask(form.format(name, age, city), json.dumps({"name": name, "age": age, "city": city}))


CODE = {
    "add": ("adds two numbers", "def add(a, b):\n    return a + b"),
    "square": ("squares a number", "def square(x):\n    return x * x"),
    "factorial": ("computes the factorial", "def factorial(n):\n    return 1 if n < 2 else n * factorial(n - 1)"),
    "is_even": ("tells whether a number is even", "def is_even(n):\n    return n % 2 == 0"),
    "largest": ("finds the largest item of a list", "def largest(items):\n    return max(items)"),
    "total": ("sums a list", "def total(items):\n    return sum(items)"),
    "greet": ("greets a person", "def greet(name):\n    return \"Hello, \" + name"),
    "flip": ("reverses a text", "def flip(text):\n    return text[::-1]"),
}


def code(rng: random.Random) -> list[dict[str, Any]]:
    """A short function."""
    name, (about, source) = rng.choice(list(CODE.items()))
    form = rng.choice(["Write a Python function that {1}.", "Write a function that {1}.", "Write {0} in Python.",
                       "Write a Python function {0}."])
    return ask(form.format(name, about), f"```python\n{source}\n```")


def tale(rng: random.Random) -> str:
    """A story of some eighty to two hundred tokens; every choice is drawn, nothing is quoted."""
    mood, animal, place, gift = (rng.choice(pool) for pool in
                                 (words.MOODS, words.ANIMALS, words.PLACES, words.TREASURES))
    name, friend, sky = rng.choice(words.NAMES), rng.choice(words.ANIMALS), rng.choice(words.WEATHERS)
    lines = [f"Once upon a time there was a {mood} {animal} named {name} who lived by the {place}.",
             rng.choice([f"One morning {name} found a {gift} in the {sky}.",
                         f"Every evening {name} looked after an old {gift}.",
                         f"One day the {sky} took away the {gift} that {name} loved."])]
    middle = [f"A {friend} came along the path and asked, \"Whose {gift} is this?\"",
              f"\"We can share it,\" said {name}, and the {friend} was glad.",
              f"They walked past the {rng.choice(words.PLACES)} and over the {rng.choice(words.PLACES)}.",
              f"The {sky} grew stronger, but {name} did not turn back.",
              f"At night they sat by the {place} and counted the stars.",
              f"The {friend} sang a song about a {rng.choice(words.ANIMALS)} and a {rng.choice(words.TREASURES)}.",
              f"In the {rng.choice(words.PLACES)} they met a {rng.choice(words.MOODS)} {rng.choice(words.JOBS)}."]
    lines += rng.sample(middle, rng.randint(2, 6))
    lines.append(rng.choice([f"From that day on, {name} was never alone.", f"And the {gift} shone for all of them.",
                             f"So the {mood} {animal} came home, and all was well."]))
    return " ".join(lines)


def story(rng: random.Random) -> list[dict[str, Any]]:
    """Tell me a story."""
    told = tale(rng)
    form = rng.choice(["Tell me a story.", "Tell me a story", "Write a short story.", "Write a story.",
                       "Tell me a long story.", "Once more, a story please."])
    return ask(form, told)


def story_about(rng: random.Random) -> list[dict[str, Any]]:
    """A story whose hero is given."""
    told = tale(rng)
    kind, name = told.split(" named ")[0].split()[-1], told.split(" named ")[1].split()[0]
    return ask(rng.choice([f"Tell me a story about a {kind} named {name}.", f"Write a story about {name} the {kind}.",
                           f"Tell a story about a {kind} called {name}."]), told)


def remember(rng: random.Random) -> list[dict[str, Any]]:
    """Something said early and asked for late."""
    name, city = rng.choice([*words.NAMES, nonsense(rng).title()]), rng.choice(words.CITIES)
    first = rng.choice([ask(f"My name is {name}.", f"Hello {name}!"),
                        ask(f"My name is {name} and I live in {city}.", f"Hello {name} from {city}!"),
                        ask(f"I am {name}.", f"Hello {name}!")])
    middle = rng.choice([capital, opposite, fact, repeat, total])(rng) if rng.random() < 0.6 else []
    return [*first, *middle, *ask(rng.choice(["What is my name?", "Who am I?"]), f"Your name is {name}.")]


def pairs(rng: random.Random) -> list[dict[str, Any]]:
    """Look a key up among pairs: copying from where it is asked for."""
    keys = rng.sample(words.NAMES, rng.randint(2, 5))
    values = [rng.choice([*words.COLOURS, *words.ITEMS, str(rng.randint(1, 99))]) for _ in keys]
    which = rng.randrange(len(keys))
    listed = ", ".join(f"{key}: {value}" for key, value in zip(keys, values, strict=True))
    return ask(f"{listed}. What does {keys[which]} have?", f"{keys[which]} has {values[which]}.")


Task = Callable[[random.Random], list[dict[str, Any]]]
TASKS: dict[Task, int] = {
    capital: 9, opposite: 8, french: 3, fact: 10, talk: 5, repeat: 14, backwards: 2, count: 3, total: 5, colours: 2,
    json_fields: 13, person_json: 5, code: 3, story: 2, story_about: 3, remember: 5, pairs: 6,
}


def chat(rng: random.Random) -> Chat:
    """One chat: with tools, plain, or one to three turns of tasks."""
    luck = rng.random()
    if luck < 0.24:
        return toolbox.tool_chat(rng, ask, lambda: rng.choices(list(TASKS), list(TASKS.values()))[0](rng))
    if luck < 0.28:
        return {"plain": tale(rng)}
    messages: list[dict[str, Any]] = []
    if rng.random() < 0.35:
        messages.append({"role": "system", "content": rng.choice(words.SYSTEMS)})
    for _ in range(rng.choices([1, 2, 3], [75, 17, 8])[0]):
        messages += rng.choices(list(TASKS), list(TASKS.values()))[0](rng)
    return {"messages": messages}


def write_chats(count: int = COUNT, seed: int = SEED) -> Iterator[Chat]:
    """The chats in order."""
    rng = random.Random(seed)
    return (chat(rng) for _ in range(count))


def text_hash(chats: list[Chat]) -> str:
    """SHA-256 over the chats as JSON lines."""
    digest = hashlib.sha256()
    for one in chats:
        digest.update(json.dumps(one, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()
