"""What a client is shown is what he is billed, whoever the upstream is; and never what the operator pays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.goldens import STREAMS, Golden
from tests.usage.streams import shown_to
from tests.usage.test_normalise import ROWS

from tokenworks.usage.meter import Show, StreamMeter, hide_whole
from tokenworks.usage.normalise import READERS, normalise
from tokenworks.usage.quick import read_quick
from tokenworks.usage.reshown import reshow_usage
from tokenworks.usage.vector import Usage
from tokenworks.wire.dialects import Engine

SHOWN = [golden for golden in STREAMS if golden.dialect == "chat" and golden.name.endswith("/chat_stream.sse")]
SOUND = [(engine, row) for engine, row in ROWS
         if "error" not in row and not row.get("progress") and row["dialect"] in ("chat", "completions", "responses")]


def bare(usage: Usage) -> Usage:
    return Usage(usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output,
                 usage.reasoning)


@pytest.mark.parametrize("golden", SHOWN, ids=[golden.name for golden in SHOWN])
def test_streams(golden: Golden) -> None:
    """The last usage of a stream, read as OpenAI's reference says, is the report."""
    meter = StreamMeter("chat", golden.engine, "visible", Show(True))
    got = meter.feed(golden.data) + meter.flush()
    assert meter.report is not None
    assert READERS["chat"](json.dumps(shown_to(got)[-1]).encode()) == bare(meter.report.usage)
    assert meter.report.raw in golden.data, "the record keeps the upstream's own"


@pytest.mark.parametrize(("engine", "row"), SOUND, ids=[f"{engine}: {row['title']}" for engine, row in SOUND])
def test_whole_bodies(engine: Engine, row: dict[str, Any]) -> None:
    """Whole bodies as well; the short way leaves those that are written anew to the long one."""
    dialect = row["dialect"]
    answer = {"chat": {"message": {"role": "assistant", "content": "x"}}, "completions": {"text": "x"}}
    body = {"id": "a", "choices": [{"index": 0, "finish_reason": "stop", **answer.get(dialect, {})}],
            "usage": row["raw"]}
    if dialect == "responses":
        body = {"id": "resp_a", "object": "response", "status": "completed", "output": [], "usage": row["raw"]}
    data = json.dumps(body, separators=(",", ":")).encode()
    usage = normalise(engine, dialect, json.dumps(row["raw"]).encode())
    shown = hide_whole(dialect, engine, data, Show(True))
    assert READERS[dialect](json.dumps(json.loads(shown)["usage"]).encode()) == bare(usage)
    assert {**json.loads(shown), "usage": 0} == {**body, "usage": 0}
    quick = read_quick(dialect, engine, data)
    assert quick is None or (quick.report is not None and quick.report.usage == usage and shown is data)


def test_what_the_operator_pays() -> None:
    raw = b'{"prompt_tokens":60,"completion_tokens":20,"total_tokens":80,"cost_in_usd_ticks":37756000}'
    shown = reshow_usage("xai", "chat", raw, Usage(60, output=20))
    assert shown is not None and b"cost" not in shown
    assert reshow_usage("openai", "chat", raw, Usage(60, output=20)) is None
    assert reshow_usage("sglang", "chat", b'{"prompt_tokens":60,"completion_tokens":20}', Usage(60, output=20)) is None


def test_an_object_that_the_dialect_cannot_read() -> None:
    raw = b'{"prompt_tokens":21,"total_tokens":81}'
    shown = reshow_usage("gemini", "chat", raw, normalise("gemini", "chat", raw))
    assert shown is not None and json.loads(shown)["completion_tokens"] == 60
