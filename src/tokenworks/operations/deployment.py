"""Deployments: where the tokens of a model come from, our own engines and bought interfaces alike."""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenworks.errors import Conflict, Invalid, NotFound
from tokenworks.fleet.deployment import Deployment
from tokenworks.operations.desk import Desk, Health, add_once, pick_version
from tokenworks.operations.engines import ENGINES
from tokenworks.operations.model import Removed
from tokenworks.operations.operation import define
from tokenworks.operations.sealed import bind_secret
from tokenworks.operations.upstream import EMBEDDED, check_url, url_host
from tokenworks.operations.view import Page, check_limit, check_name, check_text
from tokenworks.store.shapes import Kept
from tokenworks.wire.dialects import DIALECTS, Dialect, Engine
from tokenworks.wire.fields import Source, refuse_dialect


class AddDeployment(msgspec.Struct, forbid_unknown_fields=True):
    """`url` without the /v1 path; `secret` is a reference (sealed:NAME, env:TOKENWORKS_SECRET_X, file:/path).

    `own`: our engine, unknown request fields are refused. `hangup`: what happens upstream when the client hangs up.
    `failure`: whether an answer is billed that the upstream broke off.
    """

    deployment: str
    model: str
    url: str
    engine: Engine
    upstream_model: str = ""
    dialects: list[Dialect] | None = None
    own: bool = False
    secret: str = ""
    progress: Literal["exact", "visible", "blind"] | None = None
    hangup: Literal["cancel", "drain", "waive"] = "cancel"
    failure: Literal["bill", "waive"] = "bill"
    cost_card: str = ""
    ca_file: str = ""
    proxy: str = ""
    share_prefix_cache: bool = False
    allow_private: bool = False
    enabled: bool = True


class ChangeDeployment(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays as it is. A new address needs its secret said again: a secret is bound to its host.

    `if_version`: only while the deployment is at this version.
    """

    deployment: str
    url: str | None = None
    upstream_model: str | None = None
    dialects: list[Dialect] | None = None
    secret: str | None = None
    progress: Literal["exact", "visible", "blind"] | None = None
    hangup: Literal["cancel", "drain", "waive"] | None = None
    failure: Literal["bill", "waive"] | None = None
    cost_card: str | None = None
    ca_file: str | None = None
    proxy: str | None = None
    share_prefix_cache: bool | None = None
    allow_private: bool | None = None
    enabled: bool | None = None
    if_version: int | None = None


class OneDeployment(msgspec.Struct, forbid_unknown_fields=True):
    """A deployment by its name."""

    deployment: str


class RemoveDeployment(msgspec.Struct, forbid_unknown_fields=True):
    """A deployment by its name. `if_version`: only while it is at this version."""

    deployment: str
    if_version: int | None = None


class ListDeployments(msgspec.Struct, forbid_unknown_fields=True):
    """`model` lists the deployments of one model."""

    model: str = ""
    cursor: str = ""
    limit: int = 50


class DeploymentView(msgspec.Struct):
    """A deployment; `secret` is the reference.

    state: up, failing, down, unusable (`why` says for what), off (not enabled), or unknown: no gateway here has said.
    """

    id: str
    model: str
    url: str
    upstream_model: str
    engine: str
    dialects: list[str]
    own: bool
    secret: str
    progress: str
    hangup: str
    failure: str
    cost_card: str
    ca_file: str
    proxy: str
    share_prefix_cache: bool
    allow_private: bool
    enabled: bool
    state: str
    why: str
    version: int


def add_deployment(desk: Desk, ask: AddDeployment) -> DeploymentView:
    """Add a source of a model. Requests go to it as soon as gateways know it, within a second."""
    desk.store.models.get(ask.model)
    known = ENGINES[ask.engine]
    row = Deployment(
        check_name(ask.deployment, "deployment"), ask.model, ask.url, ask.upstream_model or ask.model, ask.engine,
        tuple(ask.dialects or known.dialects), ask.own, ask.secret, ask.progress or known.progress,
        ask.hangup, ask.failure, ask.cost_card, ask.ca_file, ask.proxy, ask.share_prefix_cache, ask.allow_private,
        ask.enabled)
    row = _check(desk, row)
    return _view(desk, Kept(row, add_once(desk.store.deployments, row, row.id)))


def change_deployment(desk: Desk, ask: ChangeDeployment) -> DeploymentView:
    """Change a deployment. `enabled` false takes it out of routing; running requests end as they are."""
    kept = desk.store.deployments.get(ask.deployment)
    given = {name: value for name in ask.__struct_fields__
             if name not in ("deployment", "if_version") and (value := getattr(ask, name)) is not None}
    if "dialects" in given:
        given["dialects"] = tuple(given["dialects"])
    row = msgspec.structs.replace(kept.row, **given)
    moved = url_host(row.url) != url_host(kept.row.url)
    if moved and row.secret and ask.secret is None:
        raise Invalid("secret", "say the secret again with the new address: it was given for the old one only")
    row = _check(desk, row)
    return _view(desk, Kept(row, desk.store.deployments.put(row, pick_version(kept, ask.if_version))))


def list_deployments(desk: Desk, ask: ListDeployments) -> Page[DeploymentView]:
    """List deployments. In the order of their names."""
    rows = desk.store.deployments.page(ask.cursor, check_limit(ask.limit), ask.model)
    return Page([_view(desk, kept) for kept in rows.data], rows.next_cursor, rows.next_cursor is not None)


def show_deployment(desk: Desk, ask: OneDeployment) -> DeploymentView:
    """Show a deployment. Its secret is shown as the reference that it is."""
    return _view(desk, desk.store.deployments.get(ask.deployment))


def remove_deployment(desk: Desk, ask: RemoveDeployment) -> Removed:
    """Remove a deployment. Its past requests keep its name."""
    kept = desk.store.deployments.get(ask.deployment)
    desk.store.deployments.drop(ask.deployment, pick_version(kept, ask.if_version))
    return Removed(ask.deployment)


def _check(desk: Desk, row: Deployment) -> Deployment:
    """The row with its address in order; raises Invalid, or Conflict where it contradicts itself."""
    desk.secrets.check(row.secret)
    check_text(row.upstream_model, "upstream_model")
    if row.url == EMBEDDED and (row.engine != "llamacpp" or row.secret):
        raise Conflict("The embedded engine is of kind llamacpp and needs no secret.")
    if row.proxy:
        check_url(row.proxy, allow_private=True)
    if row.ca_file and not row.ca_file.startswith("/"):
        raise Invalid("ca_file", "write an absolute path to a PEM file")
    if row.cost_card and not desk.store.cards.page(limit=1, under=row.cost_card).data:
        raise NotFound("rate-card", row.cost_card)
    if not row.dialects:
        raise Invalid("dialects", f"name at least one of {', '.join(DIALECTS)}")
    source = Source(row.engine, row.own, row.upstream_model, row.progress, row.share_prefix_cache)
    cached = [dialect for dialect in row.dialects if dialect != "embeddings"]
    if cached and all(refuse_dialect(source, dialect) for dialect in cached):
        raise Conflict(f"{row.engine} cannot keep accounts' prompt caches apart in {', '.join(cached)}. Start it "
                       "without one, or let accounts share it, and say so with share_prefix_cache.")
    row = msgspec.structs.replace(row, url=check_url(row.url, row.allow_private))
    bind_secret(desk, row.secret, row.url)
    return row


def _view(desk: Desk, kept: Kept[Deployment]) -> DeploymentView:
    row = kept.row
    health = desk.health().get(row.id, Health("unknown")) if row.enabled else Health("off")
    return DeploymentView(row.id, row.model, row.url, row.upstream_model, row.engine, list(row.dialects), row.own,
                          row.secret, row.progress, row.hangup, row.failure, row.cost_card, row.ca_file, row.proxy,
                          row.share_prefix_cache, row.allow_private, row.enabled, health.state, health.why,
                          kept.version)


DEPLOYMENT = (
    define("deployment.add", add_deployment),
    define("deployment.list", list_deployments),
    define("deployment.show", show_deployment),
    define("deployment.change", change_deployment),
    define("deployment.remove", remove_deployment),
)
