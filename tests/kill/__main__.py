"""`python -m tests.kill`: rounds of kill -9 under load, and what they came to."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.utility import Utility
from tests.kill.rounds import VICTIMS, Tally, check_wallet, run_round, settled


def main() -> int:
    """0 when every promise held in every round."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    dice, tally = random.Random(asked.seed), Tally()
    print(f"{asked.rounds} rounds, seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tokenworks-kill-") as folder:
        utility = Utility(Path(folder)).start()
        utility.client.call("POST", "/accounts/demo/topups", {"amount": "1000"})
        try:
            for number in range(asked.rounds):
                victim = dice.choice(VICTIMS)
                run_round(utility, victim, dice, tally)
                if number % 10 == 9:
                    print(f"round {number + 1}: {dict(tally.seen)}", flush=True)
            audit = settled(utility)
            check_wallet(utility)
        finally:
            utility.stop()
    print(f"{tally.rounds} rounds, clients saw {dict(tally.seen)}; answers that began stand in the books as: "
          f"{dict(tally.booked)}; slowest recovery {tally.slowest_s:.1f} s; books balanced: {audit['balanced']}")
    print(f"{tally.rounds} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
