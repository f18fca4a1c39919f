"""A deployment as one worker uses it: where calls go, how many run there, and how it has been answering.

Health is learned from the calls themselves: whoever fails three times in a row is left alone for a while that doubles,
then tried by one request. No timer runs for it; times are compared when somebody is to be chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tokenworks.admission.offer import Offer
from tokenworks.credit.policy import Endpoint
from tokenworks.credit.states import Table, move
from tokenworks.fleet.deployment import Deployment
from tokenworks.gateway.pool import Target

# up: answers. failing: the last calls failed, it is still asked. down: it is not asked until its rest is over; then one
# call is a trial, whose end decides; or until its engine says that it is well.
HEALTH: Table = {
    "up": {"serve": "up", "fail": "failing"},
    "failing": {"serve": "up", "fail": "failing", "give_up": "down"},
    "down": {"try": "trial", "serve": "up", "fail": "down", "probe": "up"},
    "trial": {"serve": "up", "fail": "down"},
}
FAILURES_MAX = 3  # in a row, before a deployment is left alone
REST_NS_MIN = 1_000_000_000
REST_NS_MAX = 30_000_000_000
SHOWN = {"up": "up", "failing": "failing", "down": "down", "trial": "down"}
NOBODY: Mapping[str, str] = {}


class Outlet:
    """One deployment. The object lives as long as the deployment's id; `renew` puts new settings into it."""

    __slots__ = ("busy_until_ns", "failures", "health", "offer", "rest_until_ns", "target")

    def __init__(self, endpoint: Endpoint, offer: Offer) -> None:
        self.failures = 0
        self.health = "up"
        self.rest_until_ns = 0
        self.busy_until_ns = 0  # it has asked to be left alone until then: others are asked first
        self.offer = offer
        self.target = _target(endpoint.deployment)

    def renew(self, endpoint: Endpoint, offer: Offer) -> None:
        """New settings. Idle connections go on only when the way to the upstream is the same."""
        if _way(self.offer.deployment) != _way(endpoint.deployment):
            self.target = _target(endpoint.deployment)
            self.health, self.failures, self.rest_until_ns = "up", 0, 0
        self.offer = offer


class Outlets:
    """All deployments of a worker. `inflight` and `health` are what routing looks at."""

    def __init__(self) -> None:
        self.by_id: dict[str, Outlet] = {}
        self.inflight: dict[str, int] = {}
        self.unwell: set[str] = set()  # those that are not simply up
        self.retire: Callable[[Target], None] = lambda target: None  # no further call goes there

    def put(self, endpoint: Endpoint, offer: Offer) -> None:
        """A new deployment, or new settings of one."""
        known = self.by_id.get(endpoint.deployment.id)
        if known is None:
            self.by_id[endpoint.deployment.id] = Outlet(endpoint, offer)
            self.inflight.setdefault(endpoint.deployment.id, 0)
        else:
            old = known.target
            known.renew(endpoint, offer)
            if known.target is not old:
                self.unwell.discard(endpoint.deployment.id)
                self.retire(old)

    def drop(self, deployment: str) -> None:
        """The deployment is sold no more; what runs there runs on."""
        gone = self.by_id.pop(deployment, None)
        self.unwell.discard(deployment)
        if gone is not None:
            self.retire(gone.target)

    def health(self, mono_ns: int) -> Mapping[str, str]:
        """Health of those that are not simply up. One that has rested, or is busy, counts as failing: it may be tried
        when nobody else is there."""
        if not self.unwell:
            return NOBODY
        found: dict[str, str] = {}
        for deployment in tuple(self.unwell):
            outlet = self.by_id[deployment]
            if outlet.health != "up":
                rested = outlet.health == "down" and mono_ns >= outlet.rest_until_ns
                found[deployment] = "failing" if rested else SHOWN[outlet.health]
            elif outlet.busy_until_ns > mono_ns:
                found[deployment] = "failing"
            else:
                self.unwell.discard(deployment)
        return found

    def begin(self, outlet: Outlet) -> None:
        """A call goes out."""
        self.inflight[outlet.offer.deployment.id] += 1
        if outlet.health == "down":
            outlet.health = move(HEALTH, outlet.health, "try")

    def served(self, outlet: Outlet) -> None:
        """A call has been answered, well or with a refusal that was the request's own fault."""
        self.inflight[outlet.offer.deployment.id] -= 1
        if outlet.failures:
            outlet.failures = 0
            outlet.health = move(HEALTH, outlet.health, "serve")
            if not outlet.busy_until_ns:
                self.unwell.discard(outlet.offer.deployment.id)

    def failed(self, outlet: Outlet, mono_ns: int) -> None:
        """A call has failed, and it was the deployment's fault."""
        deployment = outlet.offer.deployment.id
        self.inflight[deployment] -= 1
        if deployment not in self.by_id:
            return
        outlet.failures += 1
        outlet.health = move(HEALTH, outlet.health, "fail")
        if outlet.failures >= FAILURES_MAX and outlet.health == "failing":
            outlet.health = move(HEALTH, outlet.health, "give_up")
        outlet.rest_until_ns = mono_ns + min(REST_NS_MAX, REST_NS_MIN << min(5, max(0, outlet.failures - FAILURES_MAX)))
        self.unwell.add(deployment)

    def revive(self, well: Iterable[str]) -> None:
        """Their engines answer: those that are down are up again, on probation. Their failures still count: with
        one more they are left alone for longer than before."""
        for deployment in self.unwell.intersection(well):
            outlet = self.by_id[deployment]
            if outlet.health == "down":
                outlet.health = move(HEALTH, outlet.health, "probe")

    def busy(self, outlet: Outlet, until_ns: int) -> None:
        """A call has been answered with "too busy", and by when another one is welcome (0: it did not say)."""
        deployment = outlet.offer.deployment.id
        self.left(outlet)
        if until_ns and self.by_id.get(deployment) is outlet:
            outlet.busy_until_ns = max(outlet.busy_until_ns, until_ns)
            self.unwell.add(deployment)

    def left(self, outlet: Outlet) -> None:
        """A call was given up by the client or by us, which says nothing of the deployment: a trial stays undecided."""
        self.inflight[outlet.offer.deployment.id] -= 1
        if outlet.health == "trial":
            outlet.health = move(HEALTH, outlet.health, "fail")


def _way(deployment: Deployment) -> tuple[str, str, str, bool]:
    return deployment.url, deployment.ca_file, deployment.proxy, deployment.allow_private


def _target(deployment: Deployment) -> Target:
    return Target(deployment.url, ca_file=deployment.ca_file, proxy=deployment.proxy,
                  allow_private=deployment.allow_private)
