"""Requests and answers on a client's connection: order, framing, what is refused, what is cut."""

from __future__ import annotations

import asyncio

from tests.gateway.worker import Answers, connected, post, run, working


def test_answers_request() -> None:
    async def main() -> None:
        service = Answers()
        async with working(service) as worker, connected(await worker.listen()) as client:
            for body in (b"one", b"two"):
                client.send(post(body))
                answer = await client.answer()
                assert (answer.status, answer.body) == (200, body)
                assert answer.headers[b"x-target"] == b"/v1/chat/completions" and b"date" in answer.headers
            assert len({id(turn) for turn in service.turns}) == 2 and worker.server.connections == 1

    run(main)
