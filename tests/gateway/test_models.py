"""One list of models for everybody who reads one: the SDKs of both interfaces, and Codex."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anthropic.types
import openai.types
import pytest
from tests.gateway.shop import Shop, run, shop

from tokenworks.credit.policy import Endpoint, Key
from tokenworks.fleet.deployment import Deployment, Model

# Without one of these Codex 0.169 reads nothing of the list (found by leaving out one after the other).
CODEX = {"slug", "display_name", "supported_reasoning_levels", "shell_type", "visibility", "supported_in_api",
         "priority", "base_instructions", "support_verbosity", "truncation_policy", "experimental_supported_tools"}
PATHS = ("/v1/models", "/openai/v1/models", "/anthropic/v1/models?limit=1000", "/v1/models?client_version=0.169.0")


async def get(place: Shop, path: str, **headers: str) -> Any:
    client = await place.client()
    await client.send(b"", path, method="GET", **headers)
    reply = await client.reply()
    client.close()
    return reply


async def sell_more(place: Shop) -> None:
    """A second model, of a maker, that takes images; and one that nobody serves."""
    row = Deployment("dep2", "z", place.upstream.url, "up", engine="openai", dialects=("chat",))
    more = Model("z", 4096, 512, vendor="maker", image_tokens_max=500), Model("unserved", 4096, 512)
    place.books.change(models=more, endpoints=(Endpoint(row, ""),))
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("path", PATHS)
def test_everybody_reads_it(tmp_path: Path, path: str) -> None:
    async def main() -> None:
        async with shop(tmp_path) as place:
            await sell_more(place)
            body = (await get(place, path)).json
            assert [openai.types.Model.model_validate(row).id for row in body["data"]] == ["m", "z"]
            read = [anthropic.types.ModelInfo.model_validate(row) for row in body["data"]]
            assert [(row.id, row.max_input_tokens, row.max_tokens) for row in read] == [
                ("m", 100_000, 4096), ("z", 4096, 512)]
            assert (body["object"], body["has_more"], body["first_id"], body["last_id"]) == ("list", False, "m", "z")
            assert [entry["slug"] for entry in body["models"]] == ["m", "z"]
            assert all(entry.keys() >= CODEX and entry["base_instructions"] for entry in body["models"])
            assert [entry["context_window"] for entry in body["models"]] == [100_000, 4096]
            assert [entry["input_modalities"] for entry in body["models"]] == [["text"], ["text", "image"]]
            assert body["data"][1]["owned_by"] == "maker"

    run(main)


def test_one_of_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path) as place:
            listed = (await get(place, "/v1/models")).json["data"][0]
            assert (await get(place, "/v1/models/m")).json == listed
            missing = await get(place, "/v1/models/none")
            assert missing.status == 404 and missing.json["error"]["code"] == "model_not_found"
            missing = await get(place, "/v1/models/none", anthropic_version="2026-10-21")
            assert missing.status == 404 and missing.json["error"]["type"] == "not_found_error"
            assert missing.headers["x-should-retry"] == "false"

    run(main)


def test_only_what_the_key_may_use(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path) as place:
            await sell_more(place)
            (key,) = place.books.keys.values()
            place.books.change(keys=(Key(key.digest, key.id, key.account, models=("z", "unserved")),))
            await asyncio.sleep(0.05)
            body = (await get(place, "/v1/models")).json
            assert [row["id"] for row in body["data"]] == ["z"] == [row["slug"] for row in body["models"]]
            assert (await get(place, "/v1/models/m")).status == 404

    run(main)
