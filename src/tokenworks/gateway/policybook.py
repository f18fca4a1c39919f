"""The policy as a worker holds it: snapshot and changes in, dictionaries for the request path out.

Everything that can be made ready once per change is made here: digests are looked up as they come, a model's offers are
compiled, prices are pinned to the card version in force and to the moment until which it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable

import structlog

from tokenworks.admission.admit import Admitted, Denied, admit_key
from tokenworks.admission.offer import Offer, make_offer
from tokenworks.admission.translated import speaks
from tokenworks.credit.policy import Account, Change, Endpoint, Key, Snapshot
from tokenworks.fleet.deployment import Model
from tokenworks.gateway.forms import FORMS_MAX, learn_form
from tokenworks.gateway.outlet import Outlets
from tokenworks.gateway.plain import Lane, Learned, Price, is_plain
from tokenworks.gateway.seats import Seat
from tokenworks.tariff.card import RateCard
from tokenworks.tariff.check import pick_version
from tokenworks.wire.refusals import Refusal
from tokenworks.wire.request import RequestFacts

FOREVER_NS = 2**63 - 1
FORMS_LEARNED_MAX = 4096  # by all keys together, until the policy changes
_BLOCK = 64  # of SHA-256
log = structlog.get_logger()


class PolicyBook:
    """The policy at `version`; 0 while none has come. A snapshot of version 0 is the beginning of one that comes in
    pieces: it is staged, and the policy held goes on until the last piece is here."""

    def __init__(self) -> None:
        self.version = 0
        self.books_epoch = 0
        self.accounts: dict[str, Account] = {}
        self.keys: dict[bytes, Key] = {}
        self.models: dict[str, Model] = {}
        self.offers: dict[str, tuple[Offer, ...]] = {}
        self.outlets = Outlets()
        self.learned: dict[str, Learned] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._cards: dict[tuple[str, int], RateCard] = {}
        self._prices: dict[tuple[str, str], Price] = {}
        self._staged: Snapshot | None = None
        self._staged_keys: dict[bytes, Key] = {}
        self.generation = 1  # of seats, which are made anew when the policy changes
        self._seats: dict[bytes, Seat] = {}  # of digests that were let in
        self._forms_left = FORMS_LEARNED_MAX
        self.digest: Callable[[bytes], bytes] = _make_digest(b"")

    @property
    def ready(self) -> bool:
        """Whether there is a policy."""
        return self.version > 0

    # --- what the books send ---

    def load(self, snapshot: Snapshot) -> None:
        """All anew, or the first piece of it."""
        self._staged, self._staged_keys = snapshot, _by_digest(snapshot.keys)
        if snapshot.version:
            self._unstage(snapshot.version)

    def apply(self, change: Change) -> bool:
        """One increment; False when it is not for the version held: the books must be asked anew."""
        if self._staged is not None and change.after == 0:
            self._staged_keys |= _by_digest(change.keys)
            if change.version:
                self._unstage(change.version)
            return True
        if change.after != self.version or not self.version:
            return False
        self.version = change.version
        for model in change.dropped_models:
            self.models.pop(model, None)
        for deployment in change.dropped_deployments:
            self._drop_endpoint(deployment)
        self.keys |= _by_digest(change.keys)
        self._put(change)
        return True

    def _unstage(self, version: int) -> None:
        """The staged policy is whole: it takes the place of the one held."""
        snapshot, self.keys = self._staged, self._staged_keys
        self._staged, self._staged_keys = None, {}
        if snapshot is None:
            return
        self.version, self.books_epoch = version, snapshot.books_epoch
        self.digest = _make_digest(snapshot.pepper)
        self.accounts, self.models, self._cards, self._prices = {}, {}, {}, {}
        for deployment in self._endpoints.keys() - {endpoint.deployment.id for endpoint in snapshot.endpoints}:
            self._drop_endpoint(deployment)
        self._put(snapshot)

    def _put(self, rows: Snapshot | Change) -> None:
        for account in rows.accounts:
            self.accounts[account.id] = account
        for model in rows.models:
            self.models[model.id] = model
            self.learned.setdefault(model.id, Learned())
        for endpoint in rows.endpoints:
            self._endpoints[endpoint.deployment.id] = endpoint
        for card in rows.cards:
            self._cards[(card.name, card.version)] = card
        self.generation += 1
        self._seats, self._forms_left = {}, FORMS_LEARNED_MAX
        if rows.cards:
            self._prices = {}
        if not isinstance(rows, Change) or rows.models or rows.endpoints or rows.dropped_models \
                or rows.dropped_deployments:
            self._compile_offers({endpoint.deployment.id for endpoint in rows.endpoints}
                                 | self._of_models({model.id for model in rows.models}))

    def _of_models(self, models: Collection[str]) -> set[str]:
        return {name for name, endpoint in self._endpoints.items() if endpoint.deployment.model in models}

    def _drop_endpoint(self, deployment: str) -> None:
        self._endpoints.pop(deployment, None)
        self.outlets.drop(deployment)

    def _compile_offers(self, changed: Collection[str]) -> None:
        """Offers by model, in the order of the deployments' ids. One that cannot stand in a request is left out."""
        offers: dict[str, list[Offer]] = {model: [] for model in self.models}
        for deployment in sorted(self._endpoints):
            endpoint = self._endpoints[deployment]
            model = self.models.get(endpoint.deployment.model)
            if model is None:
                continue
            known = self.outlets.by_id.get(deployment)
            offer = known.offer if known and deployment not in changed else self._make_offer(endpoint, model)
            if offer is not None:
                offers[model.id].append(offer)
        self.offers = {model: tuple(rows) for model, rows in offers.items()}

    def _make_offer(self, endpoint: Endpoint, model: Model) -> Offer | None:
        try:
            offer = make_offer(endpoint, model)
        except ValueError as error:
            if endpoint.deployment.enabled:  # else nobody expects it to be of use: the embedded engine that is not up
                log.error("deployment_unusable", deployment=endpoint.deployment.id, why=str(error))
            self.outlets.drop(endpoint.deployment.id)
            return None
        self.outlets.put(endpoint, offer)
        return offer

    # --- what a request asks ---

    def seat(self, text: bytes | None, now_ns: int) -> Seat | Denied:
        """Whose key this is, by admission's rules. The key's text is hashed and kept nowhere."""
        if text is None:
            return Denied(Refusal.KEY_MISSING)
        digest = self.digest(text)
        known = self._seats.get(digest)
        if known is not None:
            return known
        found = admit_key(digest, self.keys, self.accounts, now_ns)
        if isinstance(found, Denied):
            return found
        seat = Seat(found)
        if not found.key.expires_at_ns:
            seat.generation = self.generation
            self._seats[digest] = seat
        return seat

    def open_lane(self, seat: Seat, admitted: Admitted, facts: RequestFacts, price: Price) -> Lane:
        """The lane of requests like this one, which admission has just let pass."""
        lane = Lane(admitted, facts, price, self.learned[admitted.model.id])
        native = [offer for offer in self.offers.get(admitted.model.id, ()) if speaks(offer, facts.dialect)]
        if is_plain(facts) and len(admitted.offers) == len(native) and not admitted.told:
            seat.lanes[(facts.dialect, admitted.model.id)] = lane
        return lane

    def learn_form(self, seat: Seat, body: bytes, facts: RequestFacts, lane: Lane, admitted: Admitted) -> None:
        """A body went through a lane: the next may be like it. How many are learned, and kept of a key, is bounded."""
        if self._forms_left and (form := learn_form(body, facts, lane, admitted)) is not None:
            self._forms_left -= 1
            seat.forms = (form, *seat.forms[: FORMS_MAX - 1])

    def price(self, account: Account, model: str, now_ns: int) -> Price | None:
        """The price of `model` for `account` by the version of its card in force now; None: it is not sold to it."""
        price = self._prices.get((account.rate_card, model))
        if price is None or now_ns >= price.until_ns:
            price = self._find_price(account.rate_card, model, now_ns)
        return price if price is not None and price.unit == account.unit else None

    def cost_price(self, card: str, model: str, now_ns: int) -> Price | None:
        """The operator's cost of `model` by the deployment's cost card; None without one."""
        price = self._prices.get((card, model))
        return price if price is not None and now_ns < price.until_ns else self._find_price(card, model, now_ns)

    def _find_price(self, card: str, model: str, now_ns: int) -> Price | None:
        found = pick_version(self._cards.values(), card, now_ns)
        if found is None or not (model in found.models or "*" in found.models):
            return None
        later = [version.effective_from_ns for version in self._cards.values()
                 if version.name == card and version.effective_from_ns > now_ns]
        price = self._prices[(card, model)] = Price(found, model, min(later, default=FOREVER_NS))
        return price


def _by_digest(keys: Iterable[Key]) -> dict[bytes, Key]:
    return {key.digest: key for key in keys}


def _make_digest(pepper: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA256 under `pepper` with both key blocks hashed beforehand: a third of hmac.digest's time."""
    block = (hashlib.sha256(pepper).digest() if len(pepper) > _BLOCK else pepper).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(text: bytes) -> bytes:
        inside, outside = inner.copy(), outer.copy()
        inside.update(text)
        outside.update(inside.digest())
        return outside.digest()

    return digest
