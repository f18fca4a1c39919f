"""The one table of what a request loses when it changes its dialect: feature by target, kept, told otherwise, dropped
or refused.

Dropped is what does not change what the answer is: it stands in a note on the record, or is not worth one (quiet).
Refused is what would: the client's own field is named, with the remedy. Nothing is ever quietly made into less.
Rows stand in the order in which they apply. A cell may say otherwise for some engines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from tokenworks.wire.dialects import Dialect, Engine
from tokenworks.wire.prompt import finders as find
from tokenworks.wire.prompt import retools as ask
from tokenworks.wire.prompt import rewrites as say
from tokenworks.wire.prompt.chat import EFFORTS
from tokenworks.wire.prompt.chat_writer import BY_FLAG, BY_OBJECT, BY_TEMPLATE
from tokenworks.wire.prompt.extras import judge_extras
from tokenworks.wire.prompt.finders import Finder
from tokenworks.wire.prompt.rewrites import Rewrite
from tokenworks.wire.prompt.strict import suits_claude, suits_openai
from tokenworks.wire.prompt.vocabulary import (
    Declined,
    Document,
    Effort,
    Foreign,
    Image,
    Part,
    Prompt,
    Result,
    Target,
    Thought,
)
from tokenworks.wire.refusals import Malformed, Refusal

Verdict = Literal["kept", "told", "quiet", "dropped", "refused"]


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a feature: `why` goes on after the field, and is the remedy where it is refused.

    `told`: it is said in another way, by `rewrite`; with `noted` that stands on the record.
    """

    verdict: Verdict
    why: str = ""
    rewrite: Rewrite | None = None
    noted: bool = False


class Feature(msgspec.Struct, frozen=True):
    """One row. `words`: what clients call it, by dialect; `find` gives the places where it is used.

    `engines`: cells that are others for some engines. `clients`: the row is about requests of these alone. `parts`: it
    is about parts of these types, () if not about parts alone.
    """

    name: str
    words: dict[Dialect, str]
    find: Finder
    cells: dict[Dialect, Fate]
    engines: dict[tuple[Engine, Dialect], Fate] = {}
    clients: tuple[Dialect, ...] = ()
    parts: tuple[type[Part], ...] = ()

    def fate(self, to: Dialect, engine: Engine) -> Fate:
        """The cell of a target."""
        return self.engines.get((engine, to)) or self.cells[to]


class Fitted(msgspec.Struct, frozen=True):
    """A prompt that the target can say, and what was dropped on the way."""

    prompt: Prompt
    notes: tuple[str, ...]


def fit(prompt: Prompt, client: Dialect, to: Dialect, target: Target) -> Fitted | Malformed:
    """The prompt as the target can say it; or the field that it cannot do without, with the remedy."""
    notes = [f"{place} was dropped: no other interface knows it." for place in prompt.left]
    absent = PARTS - set(map(type, find.walk_parts(prompt)))
    for feature in FEATURES:
        fate = feature.fate(to, target.engine)
        if fate.verdict == "kept" or (feature.clients and client not in feature.clients):
            continue
        if feature.parts and absent.issuperset(feature.parts):
            continue
        places = list(feature.find(prompt, target))
        if not places:
            continue
        where = places[0] or feature.words.get(client, feature.name)
        if fate.verdict == "refused":
            return Malformed(Refusal.FEATURE_UNSUPPORTED, f"{where} {fate.why}", where)
        if fate.verdict == "dropped" or fate.noted:
            others = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
            notes.append(f"{where}{others} {fate.why}")
        if fate.rewrite is not None:
            prompt = fate.rewrite(prompt, target)
    judged = judge_extras(prompt, client, to, target)
    if isinstance(judged, Malformed):
        return judged
    kept, dropped = judged
    return Fitted(msgspec.structs.replace(prompt, extras=kept), (*notes, *dropped))


PARTS: frozenset[type] = frozenset(get_args(Part))
KEPT = Fate("kept")
CLAUDE: tuple[Engine, ...] = ("anthropic", "bedrock")
OPENAI: tuple[Engine, ...] = ("openai",)
# Engines whose grammar lets text stand before a forced call, or that do not know forced calls at all.
LOOSE: tuple[Engine, ...] = ("llamacpp", "ollama")
# Engines whose models each have their own words for effort: a word that is not theirs is refused.
WORDY: tuple[Engine, ...] = tuple(sorted(BY_TEMPLATE))
# Engines that tell users apart or do not mind; others refuse what they do not know, and are not told who asks.
ASKING: tuple[Engine, ...] = ("openai", "xai", "ollama", *WORDY)
# Engines that take reasoning back in chat; their models think on from it between calls.
REMEMBER: tuple[Engine, ...] = (*sorted(BY_TEMPLATE | BY_OBJECT | BY_FLAG), "minimax", "ollama")
FEW: dict[Effort, Effort] = {"none": "", "minimal": "low", "xhigh": "high", "max": "high"}
HIGHEST: dict[Effort, Effort] = {"xhigh": "high", "max": "high"}

_NO_WORD = "is not known to the interface of this model. Leave it out."
_LEFT = "was dropped: the interface of this model has no word for it."
_REFUSED = Fate("refused", _NO_WORD)


def _all(word: str) -> dict[Dialect, str]:
    return dict.fromkeys(("chat", "completions", "responses", "messages"), word)


def _openai(word: str) -> dict[Dialect, str]:
    return dict.fromkeys(("chat", "completions", "responses"), word)


def _cells(chat: Fate, responses: Fate | None = None, messages: Fate | None = None) -> dict[Dialect, Fate]:
    """The cells of a row; what is not given is as the one before."""
    responses = responses or chat
    return {"chat": chat, "responses": responses, "messages": messages or responses}


def _at(engines: Iterable[Engine], to: Dialect, fate: Fate = KEPT) -> dict[tuple[Engine, Dialect], Fate]:
    return {(engine, to): fate for engine in engines}


# --- how tokens are drawn ---
_COOL = Fate("refused", "must be at most 1 for this model. It means the same up to there, and is not scaled.")
_ALL_TOKENS = Fate("told", "means all tokens, which is said by leaving it out.", say.drop_drawing("top_k"))
_UNSEEDED = Fate("dropped", f"{_LEFT} The answer is as good, but does not repeat.", say.drop_drawing("seed"))
_CAPS: dict[Dialect, str] = {**_all("max_tokens"), "responses": "max_output_tokens"}
_RAISED = Fate("told", "is raised to 16, the least that the interface of this model takes.", say.raise_cap, True)
_STOPS: dict[Dialect, str] = {**_openai("stop"), "messages": "stop_sequences"}
_DRAWING = (
    Feature("several answers", _openai("n"), find.find_answers, _cells(
        KEPT, Fate("refused", "must be 1 for this model. Send one request per answer."))),
    Feature("temperature above 1", _all("temperature"), find.find_heat, _cells(KEPT), _at(CLAUDE, "messages", _COOL)),
    Feature("top_k for all tokens", _all("top_k"), find.find_top, _cells(KEPT, KEPT, _ALL_TOKENS)),
    Feature("top_k where it is not known", _all("top_k"), find.find_drawing("top_k"), _cells(KEPT),
            _at(("gemini", "mistral"), "chat", _REFUSED)),
    Feature("a cap below 16 tokens", _CAPS, find.find_small, _cells(KEPT), _at(OPENAI, "responses", _RAISED)),
    Feature("seed", _openai("seed"), find.find_drawing("seed"), _cells(KEPT, _UNSEEDED)),
    Feature("presence penalty", _openai("presence_penalty"), find.find_drawing("presence_penalty"),
            _cells(KEPT, _REFUSED)),
    Feature("frequency penalty", _openai("frequency_penalty"), find.find_drawing("frequency_penalty"),
            _cells(KEPT, _REFUSED)),
    Feature("logit bias", _openai("logit_bias"), find.find_drawing("logit_bias"), _cells(KEPT, _REFUSED)),
    Feature("log-probabilities", {"chat": "logprobs", "responses": "top_logprobs"}, find.find_drawing("logprobs"),
            _cells(KEPT, KEPT, Fate("refused", "is not offered for this model, which tells none. Leave it out."))),
    Feature("stop sequences", _STOPS, find.find_drawing("stop"), _cells(KEPT, Fate(
        "refused", "is not known to the interface of this model. Leave it out and cut the answer yourself."), KEPT)),
    Feature("a stop of white space", _STOPS, find.find_blank, _cells(
        KEPT, KEPT, Fate("refused", "must be more than white space for this model."))),
)

# --- what stands in the conversation ---
_AS_TEXT = Fate("told", "is told as text between marks.", say.tell_writings)
_NO_FILES = Fate("refused", "is a file, and this model takes text and images alone. Send its text.")
_AS_DATA = "Send the data itself, in base64."
_AS_WORDS = Fate("told", "is told as text.", say.tell_declined)
_AS_SYSTEM = Fate("told", "is told as the system's.", say.call_system)
# Qwen's, Llama's and Gemma's templates take the system at the beginning alone (vllm-project/vllm#41114,
# ggml-org/llama.cpp#27367), and Claude Code lets it speak behind the first message of the user in every request.
_REMINDED = Fate("told", "is told in the user's turn, marked as a reminder.", say.remind_late)
_SEALED = Fate("dropped", "was dropped: it is sealed for its maker's models, and no other can read it.",
               say.drop_sealed)
_UNWANTED = Fate("dropped", "was dropped: the interface of this model takes no reasoning back.", say.drop_thoughts)
_NOT_CONTINUED = Fate(
    "refused", "is the assistant's, and this model would answer it instead of going on. End with the user.")
_CONTINUED = Fate(
    "refused", "is the assistant's, and this model would go on from it instead of answering. End with the user.")
_UNMARKED = Fate("quiet", "is left to the upstream, which caches by itself.", say.drop_marks(b'"type"'))
_UNBROKEN = Fate("quiet", "is left to the upstream, which caches by itself.", say.drop_marks(b'"mode"'))
_CONTENT = (
    Feature("images for a model without eyes", {}, find.find_images, _cells(
        Fate("refused", "is an image, and this model takes none. Leave it out.")), parts=(Image,)),
    Feature("addresses, where none is fetched", {}, find.find_addresses, _cells(
        Fate("refused", f"stands at an address, and none is fetched for this model. {_AS_DATA}")),
            parts=(Image, Document)),
    Feature("files that another maker keeps", {}, find.find_files, _cells(
        Fate("refused", f"is kept by another maker. {_AS_DATA}")), parts=(Image, Document)),
    Feature("sound", {}, find.find_audio, _cells(
        Fate("refused", "is sound, which this model does not take. Send what it says as text.")), parts=(Foreign,)),
    Feature("parts of one interface alone", {}, find.find_foreign, _cells(
        Fate("refused", "is of a type that only another interface knows. Leave it out.")), parts=(Foreign,)),
    Feature("how closely to look at an image", {}, find.find_details, _cells(
        KEPT, KEPT, Fate("quiet", "is left to the model.", say.drop_details)), parts=(Image,)),
    Feature("documents of text", {}, find.find_writings, _cells(_AS_TEXT), _at(CLAUDE, "messages"), parts=(Document,)),
    Feature("documents at an address", {}, find.find_distant, _cells(
        Fate("refused", f"stands at an address, and the interface of this model takes none for files. {_AS_DATA}"),
        KEPT), parts=(Document,)),
    Feature("documents that are no text", {}, find.find_documents, _cells(_NO_FILES),
            _at(OPENAI, "chat") | _at(OPENAI, "responses") | _at(CLAUDE, "messages"), parts=(Document,)),
    Feature("documents that are neither text nor PDF", {}, find.find_sheets, _cells(KEPT), _at(CLAUDE, "messages", Fate(
        "refused", "is neither text nor PDF, which is all that this model reads. Send its text.")), parts=(Document,)),
    Feature("images and files that a tool gave", {}, find.find_pictured, _cells(
        Fate("told", "follows the results in a message of the user, named by its call."), KEPT),
            parts=(Image, Document)),
    Feature("a tool call that failed", {}, find.find_failed, _cells(
        Fate("told", "says so in its text.", say.tell_failed), None, KEPT), parts=(Result,)),
    Feature("earlier reasoning, sealed", {}, find.find_sealed, _cells(_SEALED), parts=(Thought,)),
    Feature("earlier reasoning, open", {}, find.find_thoughts, _cells(_UNWANTED),
            _at(REMEMBER, "chat") | _at(REMEMBER, "responses"), parts=(Thought,)),
    Feature("earlier refusals", {}, find.find_declined, _cells(_AS_WORDS, KEPT, _AS_WORDS), _at(OPENAI, "chat"),
            parts=(Declined,)),
    Feature("the name of a speaker", {}, find.find_speakers, _cells(KEPT, Fate("dropped", _LEFT, say.drop_names))),
    Feature("messages of the developer", {}, find.find_developer, _cells(_AS_SYSTEM, KEPT, _AS_SYSTEM),
            _at(OPENAI, "chat")),
    Feature("the system in mid-conversation", {}, find.find_late, _cells(_REMINDED),
            _at(OPENAI, "chat") | _at(OPENAI, "responses")),
    Feature("an answer begun, to be gone on from", {}, find.find_opened, _cells(_NOT_CONTINUED, None, KEPT), {
        **_at(("llamacpp",), "chat"),
        **_at(("vllm", "sglang"), "chat", Fate("told", "is gone on from, by a word of the engine's.", say.go_on)),
    }, ("messages",)),
    Feature("an answer at the end, to be answered", {}, find.find_opened, _cells(KEPT, KEPT, _CONTINUED),
            clients=("chat", "responses")),
    Feature("cache marks of Anthropic's", {}, find.find_marks(b'"type"'), _cells(_UNMARKED, None, KEPT)),
    Feature("cache marks of OpenAI's", {}, find.find_marks(b'"mode"'), _cells(_UNBROKEN),
            _at(OPENAI, "chat") | _at(OPENAI, "responses")),
)

# --- tools, the answer's form, thinking ---
_FUNCTION = Fate("told", "is told as a function with one text `input`, and its calls are told back.", ask.wrap_customs)
_ALLOWED = Fate("told", "leaves out the tools that it excludes.", ask.keep_allowed)
_AS_SCHEMA = Fate("told", "is asked for as JSON of the function's schema, and told back as its call.", ask.ask_schema)
_AS_TOOL = Fate("told", "is asked for as a call that has to be made, and told back as text.", ask.ask_tool)
_UNHEEDED = Fate("refused", "is not heeded by this model's engine at the interface that it is asked at. Leave it out.")
_DEAF: dict[tuple[Engine, Dialect], Fate] = {("llamacpp", "responses"): _UNHEEDED, ("llamacpp", "messages"): _UNHEEDED}
_AS_EFFORT = Fate("told", "is told as the effort that it stands for.", say.tell_budget, True)
_NEAREST = Fate("told", "is told as the nearest effort that the engine knows.", say.tell_effort(FEW), True)
_UNBOUNDED = Fate("dropped", "was dropped: this engine knows no budget, and thinks as it does without one.",
                  say.drop_budget)
_HIGH = Fate("told", "is told as the nearest effort that the engine knows.", say.tell_effort(HIGHEST), True)
_DEFAULT = Fate("dropped", "was dropped: this model has words of its own for effort, and does as it does without one.",
                say.drop_effort)
_FLAT = Fate("told", "goes under one name with its namespace, and is told back under its own.", ask.rename_tools(True))
_SHORT = Fate("told", "goes under a name that everybody takes, and is told back under its own.",
              ask.rename_tools(False))
_SURE = Fate("told", "is asked for with its guarantee.", ask.make_strict)
_UNSURE = Fate("told", "is asked for without a guarantee: OpenAI gives one if objects require all their members and "
               "allow no others.", None, True)
_LOOSE = Fate("told", "is sent without strict: Claude guarantees schemas whose objects allow no other members, and no "
              "bounds.", ask.drop_strict(suits_claude), True)
_LAX = Fate("told", "is sent without strict: OpenAI guarantees schemas whose objects require all their members and "
            "allow no others.", ask.drop_strict(suits_openai), True)
_NOT_RUN = Fate("dropped", "was dropped: another maker's servers run it. The model answers without it.",
                ask.drop_hosted)
_TOOLS = (
    Feature("a tool of another maker's that has to be used", _all("tool_choice"), find.find_named, _cells(
        Fate("refused", "names a tool that another maker's servers run. Leave it out."))),
    Feature("tools that only one maker's models know", {}, find.find_builtins, _cells(
        Fate("refused", "is a tool that only another maker's models know. Declare it as a function."))),
    Feature("tools that another maker's servers run", {}, find.find_hosted, _cells(_NOT_RUN)),
    Feature("tools in a namespace", {}, find.find_groups, _cells(_FLAT, KEPT, _FLAT)),
    Feature("names of tools that are too long, or odd", {}, find.find_misnamed, _cells(_SHORT)),
    Feature("strict tools that Claude does not guarantee", {}, find.find_loose(suits_claude), _cells(KEPT),
            _at(CLAUDE, "messages", _LOOSE)),
    Feature("strict tools that OpenAI does not guarantee", {}, find.find_loose(suits_openai), _cells(KEPT),
            _at(OPENAI, "chat", _LAX) | _at(OPENAI, "responses", _LAX), ("messages",)),
    Feature("tools of free text", {}, find.find_customs, _cells(_FUNCTION),
            _at(OPENAI, "chat") | _at(OPENAI, "responses")),
    Feature("a choice among some tools", _all("tool_choice"), find.find_allowed, _cells(_ALLOWED),
            _at(OPENAI, "chat") | _at(OPENAI, "responses")),
    Feature("a function that has to be called", _all("tool_choice"), find.find_forced, _cells(KEPT),
            _at(LOOSE, "chat", _AS_SCHEMA)),
    Feature("JSON of any form", {}, find.find_format("json"), _cells(KEPT, KEPT, _AS_TOOL), _DEAF),
    Feature("JSON by a schema", {}, find.find_format("schema"), _cells(KEPT, KEPT, _AS_TOOL),
            _at(CLAUDE, "messages") | _DEAF),
    Feature("a schema that Claude does not guarantee", {}, find.find_unsure, _cells(KEPT),
            _at(CLAUDE, "messages", _AS_TOOL)),
    Feature("a schema of Claude's, guaranteed", {}, find.find_guarantee(True), _cells(KEPT),
            _at(OPENAI, "chat", _SURE) | _at(OPENAI, "responses", _SURE), ("messages",)),
    Feature("a schema of Claude's, without OpenAI's guarantee", {}, find.find_guarantee(False), _cells(KEPT),
            _at(OPENAI, "chat", _UNSURE) | _at(OPENAI, "responses", _UNSURE), ("messages",)),
    Feature("a budget to think for", {}, find.find_budget, _cells(_AS_EFFORT, None, KEPT),
            _at(WORDY, "chat", _UNBOUNDED) | _at(("llamacpp", "dashscope"), "chat")),
    Feature("an effort in Claude's words", {"messages": "output_config.effort"}, find.find_effort(*EFFORTS),
            _cells(KEPT), _at(WORDY, "chat", _DEFAULT), ("messages",)),
    Feature("an effort without a word", {}, find.find_effort(*FEW), _cells(KEPT), {
        **_at(sorted(BY_TEMPLATE - {"llamacpp", "vllm"}), "chat", _NEAREST), **_at(("gemini",), "chat", _HIGH)}),
    Feature("reasoning to be sealed", {"responses": "include"}, find.find_secrecy, _cells(
        Fate("quiet", "is told as it is."), KEPT, Fate("quiet", "is told as it is."))),
)

# --- words beside the conversation ---
_UNKEPT = Fate("dropped", "was dropped: it is for requests that are kept, and nothing is kept.",
               say.drop_field("metadata"))
_MANNER = Fate("dropped", f"{_LEFT} Say in the system message how long answers should be.",
               say.drop_field("verbosity"))
_UNNAMED = Fate("quiet", "is left out: the upstream need not know who asks.", say.drop_field("user"))
_UNKEYED = Fate("quiet", "is left to the upstream, which caches by itself.", say.drop_field("cache_key"))
_BESIDE = (
    Feature("prompt cache key", _openai("prompt_cache_key"), find.find_field("cache_key"), _cells(_UNKEYED),
            _at((*OPENAI, "moonshot"), "chat") | _at(OPENAI, "responses")),
    Feature("the client's own user", {**_openai("user"), "messages": "metadata.user_id"}, find.find_field("user"),
            _cells(_UNNAMED, None, KEPT), _at(ASKING, "chat") | _at(ASKING, "responses")),
    Feature("metadata", _all("metadata"), find.find_field("metadata"), _cells(_UNKEPT, KEPT, _UNKEPT)),
    Feature("verbosity", {"chat": "verbosity", "responses": "text.verbosity"}, find.find_field("verbosity"),
            _cells(_MANNER), _at(OPENAI, "chat") | _at(OPENAI, "responses")),
    Feature("several texts in a row", {}, find.find_pairs, _cells(
        Fate("told", "is told as one text.", say.join_texts), None, KEPT),
            _at(OPENAI, "chat") | _at(OPENAI, "responses")),
)

FEATURES: tuple[Feature, ...] = (*_DRAWING, *_CONTENT, *_TOOLS, *_BESIDE)
