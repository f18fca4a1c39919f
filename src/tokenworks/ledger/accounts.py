"""The names of ledger accounts. Customer money is in `wallet:<lot>`; the operator's side is sharded per poster.

Amounts are credit-positive: liabilities and income are positive, assets and expenses negative. A wallet's balance is
what the operator owes to the customer; revenue is all that was rated, overrun and waived the operator's expense in it.
"""

from __future__ import annotations

SUSPENSE = "suspense"
ROUNDING = "rounding"
BREAKAGE = "breakage"  # what expired unused


def wallet(lot: str) -> str:
    """A customer's lot."""
    return f"wallet:{lot}"


def funding(kind: str) -> str:
    """Where a lot's credit came from: `paid` (money received) or `granted` (given away)."""
    return f"funding:{kind}"


def revenue(shard: str) -> str:
    """What was rated, per poster."""
    return f"revenue:{shard}"


def overrun(account: str) -> str:
    """Usage of an account that none of its sources could fund: the operator's expense."""
    return f"overrun:{account}"


def waived(account: str) -> str:
    """Usage of an account that the operator chose not to charge."""
    return f"waived:{account}"


def cost(deployment: str) -> str:
    """What a deployment's attempts cost the operator."""
    return f"cost:{deployment}"


def payable(deployment: str) -> str:
    """What the operator owes for a deployment's attempts."""
    return f"payable:{deployment}"


def lot_of(account: str) -> str:
    """The lot of a wallet account, "" for any other account."""
    kind, _, lot = account.partition(":")
    return lot if kind == "wallet" else ""
