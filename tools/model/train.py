"""Trains the tiny model: by steps and seed, never by the clock, so that the same machine gives the same weights.

Windows begin at a chat; only what the assistant says is learnt. Checkpoints are kept, and training resumes from the
newest one of the same plan.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from . import text
from .network import Shape, Tiny
from .start import begin_weights
from .template import segments
from .tokenizer import tokenizer_hash, train_tokenizer

SEED = 7
KEEP_STEPS = 200


@dataclass(frozen=True)
class Phase:
    """So many steps with windows of one length. The rate goes evenly from `rate` to `rate_end`."""

    steps: int
    batch: int
    length: int
    rate: float
    rate_end: float


# Short windows until the answers are learnt, then long ones for positions; twice the rate runs out to nothing.
PLAN = (Phase(1_800, 6, 256, 2.5e-3, 2.0e-3), Phase(800, 3, 512, 2.0e-3, 0.0), Phase(700, 3, 512, 1.3e-3, 0.0))
WARM_STEPS = 80


class Lessons:
    """The chats as one row of tokens with a mask, and where each begins."""

    def __init__(self, chats: list[dict[str, Any]], tokenizer: Tokenizer) -> None:
        pieces = [segments(chat) for chat in chats]
        flat = [piece for chat in pieces for piece in chat]
        encoded = tokenizer.encode_batch([piece for piece, _ in flat])
        ids = [one.ids for one in encoded]
        self.tokens = numpy.concatenate([numpy.array(part, dtype=numpy.int64) for part in ids])
        lengths = numpy.array([len(part) for part in ids])
        self.learn = numpy.repeat(numpy.array([learnt for _, learnt in flat]), lengths)
        firsts = numpy.cumsum([0, *(len(chat) for chat in pieces)])[:-1]
        self.starts = numpy.concatenate([[0], numpy.cumsum(lengths)])[firsts]

    def draw(self, step: int, batch: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
        """(inputs, targets, mask) of one step: whole chats from drawn starts on."""
        dice = numpy.random.default_rng((SEED, step))
        last = int(numpy.searchsorted(self.starts, len(self.tokens) - length - 1))
        spots = self.starts[dice.integers(0, last, batch)]
        window = spots[:, None] + numpy.arange(length + 1)
        tokens, learn = torch.from_numpy(self.tokens[window]), torch.from_numpy(self.learn[window])
        return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous(), learn[:, 1:]


def loss_of(model: Tiny, lesson: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Mean loss over what is to be learnt."""
    inputs, targets, learn = lesson
    with torch.autocast("cpu", torch.bfloat16):
        scores = model.scores(model(inputs)[learn])
    return functional.cross_entropy(scores.float(), targets[learn])


def rate_at(step: int) -> tuple[Phase, float]:
    """The phase and learning rate of a step."""
    first = 0
    for phase in PLAN:
        if step < first + phase.steps:
            part = (step - first) / phase.steps
            rate = phase.rate + (phase.rate_end - phase.rate) * part
            return phase, rate * min(1.0, (step + 1) / WARM_STEPS)
        first += phase.steps
    raise ValueError(step)


def optimizers(model: Tiny) -> list[torch.optim.Optimizer]:
    """Muon for the matrices (fewer steps than AdamW for 12 % more work a step), AdamW for the embedding and norms."""
    named = list(model.named_parameters())
    matrices = [weight for name, weight in named if weight.ndim == 2 and not name.startswith("embed")]
    rest = [weight for name, weight in named if weight.ndim != 2 or name.startswith("embed")]
    muon = torch.optim.Muon(matrices, lr=1.0, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    muon.param_groups[0]["scale"] = 2.0
    return [muon, torch.optim.AdamW(rest, lr=1.0, betas=(0.9, 0.95), weight_decay=0.0)]


def held_out(model: Tiny, lessons: Lessons) -> float:
    """Loss on chats that are not trained on, the same windows every time."""
    model.eval()
    with torch.no_grad():
        losses = [loss_of(model, lessons.draw(10_000_000 + part, 8, 257)).item() for part in range(6)]
    model.train()
    return sum(losses) / len(losses)


def train(out: Path, stop: int | None = None) -> None:
    """Train into `out`, resuming there; `stop` ends early after so many steps."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    chats = list(text.write_chats())
    tokenizer = train_tokenizer(chats)
    tokenizer.save(str(out / "tokenizer.json"))
    print(json.dumps({"text": text.text_hash(chats), "tokenizer": tokenizer_hash(tokenizer)}), flush=True)
    lessons, exam = (Lessons(part, tokenizer) for part in (chats[: -text.HELD_OUT], chats[-text.HELD_OUT :]))
    model = Tiny(Shape())
    begin_weights(model)
    optims, step = optimizers(model), 0
    kept = sorted(out.glob("step-*.pt"))
    if kept:
        state = torch.load(kept[-1], weights_only=True)
        model.load_state_dict(state["model"])
        for optim, saved in zip(optims, state["optimizers"], strict=True):
            optim.load_state_dict(saved)
        step = state["step"]
    total = sum(phase.steps for phase in PLAN)
    seen, begun, average = 0, time.process_time(), 0.0
    while step < min(stop or total, total):
        phase, rate = rate_at(step)
        for optim in optims:
            for group in optim.param_groups:
                group["lr"] = rate * group.get("scale", 1.0)
        loss = loss_of(model, lessons.draw(step, phase.batch, phase.length))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optim in optims:
            optim.step()
            optim.zero_grad(set_to_none=True)
        step += 1
        seen += phase.batch * phase.length
        average = loss.item() if not average else 0.95 * average + 0.05 * loss.item()
        if step % 50 == 0:
            spent = time.process_time() - begun
            print(f"step {step} loss {average:.4f} rate {rate:.5f} tokens {seen} cpu_s {spent:.0f} "
                  f"tokens_per_cpu_s {seen / spent:.0f}", flush=True)
        if step % KEEP_STEPS == 0 or step == total:
            print(f"step {step} held_out {held_out(model, exam):.4f}", flush=True)
            torch.save({"model": model.state_dict(), "optimizers": [optim.state_dict() for optim in optims],
                        "step": step}, out / f"step-{step:05d}.pt")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stop", type=int, help="end after so many steps (for trials)")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    train(given.out, given.stop)


if __name__ == "__main__":
    main()
