"""The status page at `/`: plain, rendered here, without a script; it refreshes itself."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context

from tokenworks.control.hub import Hub
from tokenworks.language.speech import spoken, tell
from tokenworks.operations.desk import Health
from tokenworks.operations.view import show_time
from tokenworks.store.shapes import UsageQuery
from tokenworks.units import format_amount
from tokenworks.usage.vector import CLASSES

_PAGES = Environment(loader=PackageLoader("tokenworks.api"), autoescape=True, undefined=StrictUndefined,
                     trim_blocks=True, lstrip_blocks=True)
_PAGES.filters["tell"] = pass_context(lambda context, text: tell(text))  # told per page, not once when it is read
UNKNOWN, OFF = Health("unknown"), Health("off")
_DAY_NS = 24 * 3600 * 1_000_000_000


def render_page(hub: Hub) -> str:
    """The page as HTML. Reads the books: not for the event loop."""
    return _PAGES.get_template("status.html").render(collect_facts(hub))


def collect_facts(hub: Hub) -> dict[str, Any]:
    """What the page shows, each figure as the text that stands there."""
    now_ns = hub.clock.now_ns()
    sums = hub.store.requests.usage(UsageQuery(("model",), since_ns=now_ns - _DAY_NS))
    deployments = [kept.row for kept in hub.store.deployments.page(limit=100).data]
    health = hub.health()
    return {
        "language": spoken(),
        "version": hub.version,
        "host": hub.host,
        "as_of": show_time(now_ns),
        "complete_until": show_time(hub.complete_until()),
        "up_s": (now_ns - hub.started_at_ns) // 1_000_000_000,
        "books_reached": hub.books_reached(),
        "gateways": [{"writer": row.journal.writer, "state": row.journal.state, "lag": f"{row.journal.lag_bytes:,}",
                      "connected": row.heard is not None and row.heard.connected} for row in hub.gateways()],
        "deployments": [{"id": row.id, "model": row.model, "engine": row.engine,
                         **(health.get(row.id, UNKNOWN) if row.enabled else OFF)._asdict()} for row in deployments],
        "sums": [{"model": row.model, "requests": f"{row.requests:,}",
                  "tokens": {name: f"{getattr(row.usage, name):,}" for name in CLASSES if getattr(row.usage, name)},
                  "charged": format_amount(row.charged_minor, row.unit), "currency": row.unit} for row in sums],
    }
