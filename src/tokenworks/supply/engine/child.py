"""The engine's process: llama.cpp's own server behind a secret key, for as long as the lifeline holds.

A process of its own, because a fault in it must not take a gateway along, because its CPU time is then a figure of its
own, and because it starts again in a fifth of a second. One server speaks chat and embeddings.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType, ModuleType
from typing import Any

from tokenworks.clock import Clock, Dice, SystemClock, SystemDice
from tokenworks.errors import Broken
from tokenworks.limits import ENGINE_BATCH_TOKENS, ENGINE_CACHE_MIB, ENGINE_SLOTS
from tokenworks.supply.engine.bundle import Bundle, check_bundle, read_bundle
from tokenworks.supply.engine.facts import EngineFacts, drop_facts, write_facts
from tokenworks.supply.engine.host import PACKAGE, refuse_host

EXIT_UNAVAILABLE = 7  # the supervisor does not start what cannot run on this machine


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """Plain values. `lifeline_fd` is the read end of a pipe: at its end the engine leaves; -1 is none."""

    state_dir: str
    lifeline_fd: int = -1
    host: str = "127.0.0.1"
    port: int = 0
    slots: int = ENGINE_SLOTS
    clock: Clock = field(default_factory=SystemClock)
    dice: Dice = field(default_factory=SystemDice)


def run_engine(config: EngineConfig) -> int:
    """Serve until told to stop; the exit code. Does not return while it serves: it leaves by os._exit.

    llama.cpp's shutdown has hung once; the kernel frees what a process had more surely.
    """
    reason = refuse_host()
    if reason:
        print(reason, file=sys.stderr, flush=True)
        return EXIT_UNAVAILABLE
    stop = _catch_stop()
    try:
        bundle = read_bundle()
        check_bundle(bundle)
        module = importlib.import_module(PACKAGE)
        key = config.dice.draw(24).hex()
        server = module.Server(_parameters(module, config, bundle, key))
    except (ImportError, Broken) as error:
        print(f"The embedded engine cannot run: {error}", file=sys.stderr, flush=True)
        return EXIT_UNAVAILABLE
    except RuntimeError as error:  # llama.cpp refuses the model, or the port
        print(f"The embedded engine did not start: {error}", file=sys.stderr, flush=True)
        return 1
    write_facts(config.state_dir, EngineFacts(
        url=server.listening_address, key=key, pid=os.getpid(), model=bundle.model,
        context_tokens=bundle.context_tokens, output_tokens_max=bundle.output_tokens_max,
        version=str(module.__version__), started_at_ns=config.clock.now_ns()))
    stop(config.lifeline_fd)
    drop_facts(config.state_dir, os.getpid())
    os._exit(0)


def _parameters(module: ModuleType, config: EngineConfig, bundle: Bundle, key: str) -> Any:
    """llama.cpp's settings, each away from its default for a reason."""
    params = module.CommonParams()
    params.model.path = str(bundle.weights)
    params.model_alias = {bundle.model}
    params.hostnames, params.port, params.api_keys = [config.host], config.port, [key]
    params.cors_origins = ""  # no page of a browser has business here
    params.ui = False
    params.verbosity = 0
    params.n_parallel = config.slots
    params.n_ctx = config.slots * bundle.context_tokens  # the total over slots
    params.n_batch = params.n_ubatch = ENGINE_BATCH_TOKENS
    params.cache_ram_mib = ENGINE_CACHE_MIB
    # A prompt's beginning is shared across accounts only where a request says so. The messages dialect cannot say
    # either, so the server's own default decides there.
    params.cache_prompt = False
    # A second thread busy-waits: up to 17 times slower on a machine that has other work.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.embedding = True
    params.pooling_type = module.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.endpoint_metrics = True  # the counters that our meter is held against
    params.endpoint_slots = False  # would show what others ask
    params.endpoint_props = False
    return params


def _catch_stop() -> Callable[[int], None]:
    """Turn SIGTERM and SIGINT into a wake-up; the answer waits for it, or for the end of the lifeline."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a reload: there is nothing here to read again, and streams run

    def wait(lifeline_fd: int) -> None:
        select.select([read_end, lifeline_fd] if lifeline_fd >= 0 else [read_end], [], [])

    return wait


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The wake-up pipe carries it."""
