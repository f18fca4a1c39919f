"""What each field of an operation means, in one sentence; help texts, the OpenAPI document and the pages take it here.

A field that means the same everywhere stands once, by its name; one that does not stands by operation and name.
"""

from __future__ import annotations

from tokenworks.limits import PAGE_ROWS_MAX

_CARD = "Rate card, by its name."
_TIME = "RFC 3339 with an offset, like 2027-01-31T00:00:00Z."

FIELDS: dict[str, str] = {
    "account": "Account, by its id.",
    "account.create.id": "Id to give it; else one is drawn.",
    "account.create.name": "What people call it.",
    "account.create.parent": "Account above it.",
    "account.create.rate_card": "Rate card that prices what it buys (standard).",
    "account.change.rate_card": "Rate card that prices what it buys.",
    "account.change.name": "What people call it.",
    "account.list.parent": "Only the accounts right under this one.",
    "account.create.currency": "Currency of its wallet (CNY).",
    "action": "Only what this operation did, like account.change.",
    "actor": "Only what this one did: admin:ID, or control.",
    "active": "No: new requests are refused at once, running ones end as they are.",
    "all": "Also those that are over.",
    "allow_private": "Allow an address in a private network or on this machine.",
    "amount": "Decimal number in the account's currency, like 12.50.",
    "wallet.refund.amount": "Decimal number; left out: all that the lot has and no gateway holds.",
    "force": "Also when the host was heard a moment ago: what it sells from now on is your loss.",
    "by": "Groups, with commas: account, model, key, day.",
    "ca_file": "PEM file of the authority that signed the upstream's certificate.",
    "card": _CARD,
    "cause": "Only entries of this cause, like topup or usage.",
    "context_tokens": "Tokens of input and output together.",
    "cost_card": "Rate card of what the upstream charges us.",
    "crash": "What a stream costs whose gateway died: bill what was delivered, or waive it.",
    "currency": "Currency, or other unit, of the prices.",
    "cursor": "Go on after an earlier page: its next_cursor.",
    "deployment": "Deployment, by its name.",
    "digest": "A digest noted earlier, which must still stand in the trail.",
    "dialects": "What it speaks; left out: what its engine speaks.",
    "effective_from": f"When it takes over: {_TIME} Left out: now.",
    "documents": "Documents: objects with apiVersion, kind, metadata and spec.",
    "document.apply.digest": "Of the plan that is meant: nothing is done when another would be done now.",
    "kinds": "Kinds, with commas: RateCard, Model, Deployment, Account, Key; left out: all.",
    "prune": "Take away what is there and not declared, of the kinds that occur in the documents.",
    "enabled": "No: out of routing; running requests end as they are.",
    "engine": "Whose fields and figures apply.",
    "expires_at": f"When it ends: {_TIME}",
    "failure": "An answer that the upstream broke off: bill what was delivered, or waive it.",
    "hangup": "When a client hangs up: cancel upstream, drain to the end and bill, or waive.",
    "host": "Host, by its id: the first part of its gateways' names.",
    "id": "Only what happened to the one of this id or name.",
    "if_version": "Only while it is at this version, as an answer told it; 0: only where there is none yet.",
    "image_tokens_max": "Tokens of the largest image; 0 refuses images.",
    "key": "API key, by its id (not its text).",
    "kind": "Paid for, or granted.",
    "audit.list.kind": "Only what happened to this kind of thing, like account, lot, gateway.",
    "labels": "Labels by name, for whoever reads them.",
    "ledger_account": "Account of the ledger, like wallet:lot_… or revenue:….",
    "limit": f"Rows of a page, at most {PAGE_ROWS_MAX} (50).",
    "lot": "Lot of a wallet, by its id.",
    "modality": "What it makes.",
    "model": "Model, by the name it is sold under.",
    "models": 'Prices by model, "*" for any other; per million tokens, as JSON.',
    "key.create.models": "Only these models; left out: all.",
    "key.create.name": "What people call it, like laptop.",
    "number": "Note, by its number.",
    "audit.list.outcome": "Only what ended so: done, refused, failed.",
    "outcome": "Only requests that ended so, like ok, refused, cut, client_gone.",
    "output_tokens_max": "Tokens of one answer; left out: the whole context.",
    "own": "Ours: request fields that we do not know are refused.",
    "prefix": "Only ledger accounts that begin so: wallet:, revenue:, funding:, overrun:, waived:, cost:, payable:.",
    "progress": "What its stream tells of usage; left out: what its engine is known for.",
    "proxy": "HTTP proxy on the way to it.",
    "reference": "Your own note, like the number of an invoice.",
    "request": "Request, by the id that its answer carried in x-request-id.",
    "request_id": "Only what the call of this id did.",
    "resolution": "What was done about it.",
    "secret": "Where its key is: env:TOKENWORKS_SECRET_NAME or file:/path, never the key itself.",
    "share_prefix_cache": "Let accounts share the engine's prompt cache: faster, but timing tells of others' prompts.",
    "since": f"From then on: {_TIME}",
    "suspense": "Record in suspense, by its id.",
    "tokenizer": "How tokens are counted where none are reported: tokenworks-tiny, or file:/path/tokenizer.json.",
    "until": f"Before then: {_TIME}",
    "upstream_model": "The model's name there; left out: the same.",
    "url": "Address without /v1, like https://api.example.com; embedded: is the engine beside.",
    "vendor": "Who made it.",
}


def describe_field(operation: str, name: str) -> str:
    """The sentence of one field."""
    return FIELDS.get(f"{operation}.{name}") or FIELDS[name]
