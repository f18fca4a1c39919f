"""Which method and path stands for which operation: the whole surface of the REST API as a table.

Names in braces are fields of what the operation takes; the rest comes from the query (GET, DELETE) or the JSON body.
"""

from __future__ import annotations

from typing import NamedTuple

PREFIX = "/api/v1"


class Route(NamedTuple):
    """One line of the table. `status` answers success."""

    method: str
    path: str
    operation: str
    status: int = 200


ROUTES = (
    Route("POST", "/accounts", "account.create", 201),
    Route("GET", "/accounts", "account.list"),
    Route("GET", "/accounts/{account}", "account.show"),
    Route("PATCH", "/accounts/{account}", "account.change"),
    Route("GET", "/accounts/{account}/wallet", "wallet.show"),
    Route("POST", "/accounts/{account}/topups", "wallet.topup", 201),
    Route("POST", "/accounts/{account}/refunds", "wallet.refund"),
    Route("GET", "/accounts/{account}/statement", "ledger.statement"),
    Route("POST", "/accounts/{account}/keys", "key.create", 201),
    Route("GET", "/keys", "key.list"),
    Route("GET", "/keys/{key}", "key.show"),
    Route("DELETE", "/keys/{key}", "key.revoke"),
    Route("GET", "/rate-cards", "rate-card.list"),
    Route("GET", "/rate-cards/{card}", "rate-card.show"),
    Route("POST", "/rate-cards/{card}/versions", "rate-card.set", 201),
    Route("GET", "/models", "model.list"),
    Route("GET", "/models/{model:path}", "model.show"),
    Route("PUT", "/models/{model:path}", "model.set"),
    Route("DELETE", "/models/{model:path}", "model.remove"),
    Route("POST", "/deployments", "deployment.add", 201),
    Route("GET", "/deployments", "deployment.list"),
    Route("GET", "/deployments/{deployment:path}", "deployment.show"),
    Route("PATCH", "/deployments/{deployment:path}", "deployment.change"),
    Route("DELETE", "/deployments/{deployment:path}", "deployment.remove"),
    Route("GET", "/secrets", "secret.list"),
    Route("POST", "/secrets/rotation", "secret.rotate"),
    Route("GET", "/secrets/{secret}", "secret.show"),
    Route("PUT", "/secrets/{secret}", "secret.set"),
    Route("DELETE", "/secrets/{secret}", "secret.remove"),
    Route("GET", "/requests", "request.list"),
    Route("GET", "/requests/{request}", "request.explain"),
    Route("GET", "/usage", "usage.sum"),
    Route("GET", "/ledger/balances", "ledger.balances"),
    Route("GET", "/ledger/entries", "ledger.entries"),
    Route("GET", "/ledger/audit", "ledger.audit"),
    Route("POST", "/ledger/epoch", "ledger.epoch"),
    Route("GET", "/suspense", "suspense.list"),
    Route("POST", "/suspense/{suspense}/resolution", "suspense.resolve"),
    Route("GET", "/gateways", "gateway.list"),
    Route("POST", "/gateways/{host}/forget", "gateway.forget"),
    Route("GET", "/documents", "document.export"),
    Route("POST", "/documents/plan", "document.plan"),
    Route("POST", "/documents/apply", "document.apply"),
    Route("GET", "/audit", "audit.list"),
    Route("GET", "/audit/verification", "audit.verify"),
    Route("GET", "/audit/{number}", "audit.show"),
)
