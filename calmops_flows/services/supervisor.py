"""The supervisor: starts services, looks after them, and ends them all."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from calmops_flows.flows.watching.backoff import Backoff
from calmops_flows.services.child import Child
from calmops_flows.services.health import is_well
from calmops_flows.services.plan import Service

LOOK_SECONDS = 0.5
HEALTH_EVERY_SECONDS = 5.0
STARTUP_SECONDS = 180.0
SICK_SECONDS = 60.0
STEADY_SECONDS = 60.0
POLITE_SECONDS = 6.0
SERVER_SECONDS = 2.0


@dataclass(slots=True)
class _Post:
    """A service under supervision; times are those of the monotonic clock."""

    service: Service
    child: Child | None = None
    started: float = 0.0
    well_at: float | None = None
    asked_at: float = 0.0
    start_at: float = 0.0
    is_done: bool = False
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(slots=True)
class Supervisor:
    """Runs services until it is interrupted.

    Attributes
    ----------
    services : sequence of Service
        The first one is started first and ended last; the others wait until it is well.
    log : logging.Logger
        Takes their lines and what happens to them.
    check : callable
        Tells whether a health URL answers.
    """

    services: Sequence[Service]
    log: logging.Logger
    check: Callable[[str], bool] = is_well
    _posts: list[_Post] = field(default_factory=list)

    def run(self) -> None:
        """Supervise until an exception, such as that of Ctrl-C, ends it."""
        self.begin()
        try:
            while True:
                self.turn()
                time.sleep(LOOK_SECONDS)
        finally:
            self.stop()

    def begin(self) -> None:
        """Take up the services; the next turn starts the first one."""
        self._posts = [_Post(service) for service in self.services]

    def turn(self) -> None:
        """Look at each service once: start it, ask how it is, or end what is sick."""
        first = self._posts[0]
        for post in self._posts:
            if post.is_done:
                continue
            if post.child is None:
                if time.monotonic() >= post.start_at and (post is first or first.well_at):
                    self._start(post)
            elif post.child.exit_code is not None:
                self._note_end(post, post.child)
            else:
                self._ask(post, post.child)

    def stop(self) -> None:
        """End every service within ten seconds: the first one last, at the end by force."""
        children = [(post is self._posts[0], post.child) for post in self._posts]
        others = [child for is_first, child in children if child and not is_first]
        firsts = [child for is_first, child in children if child and is_first]
        for asked, seconds in ((others, POLITE_SECONDS), (firsts, SERVER_SECONDS)):
            for child in _end(asked, seconds):
                name = child.service.name
                self.log.info("%-9s | %s did not end in %g s: forced", "calmops", name, seconds)
        self.log.info("%-9s | all services have ended", "calmops")

    def _start(self, post: _Post) -> None:
        post.child = Child.start(post.service, self.log)
        post.started = post.asked_at = time.monotonic()
        post.well_at = None
        self._say(post, f"started as process {post.child.process.pid}")

    def _note_end(self, post: _Post, child: Child) -> None:
        code = child.exit_code
        child.signal_group(signal.SIGKILL)  # what it has left behind
        now = time.monotonic()
        post.child, post.well_at = None, None
        if post.service.ends and code == 0:
            post.is_done = True
            return
        is_steady = now - post.started >= STEADY_SECONDS
        post.backoff = Backoff().failed() if is_steady else post.backoff.failed()
        post.start_at = now + post.backoff.seconds
        self._say(post, f"ended with code {code}; starting again in {post.backoff.seconds:g} s")

    def _ask(self, post: _Post, child: Child) -> None:
        now = time.monotonic()
        every = HEALTH_EVERY_SECONDS if post.well_at else LOOK_SECONDS
        if now - post.asked_at < every:
            return
        if post.service.health is None or self.check(post.service.health):
            if post.well_at is None:
                self._say(post, "is up")
            post.well_at = post.asked_at = time.monotonic()
            return
        post.asked_at = time.monotonic()
        since = post.well_at or post.started
        patience = SICK_SECONDS if post.well_at else STARTUP_SECONDS
        if post.asked_at - since >= patience:
            self._say(post, f"has not answered for {patience:g} s; ending it")
            child.signal_group(signal.SIGKILL)

    def _say(self, post: _Post, text: str) -> None:
        self.log.info("%-9s | %s %s", "calmops", post.service.name, text)


def _end(children: Sequence[Child], seconds: float) -> list[Child]:
    """Ask all at once, wait, kill who is left with all that they have started; return those."""
    for child in children:
        child.signal_group(signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(child.has_group() for child in children):
        time.sleep(0.05)
    forced = [child for child in children if child.has_group()]
    for child in children:
        child.signal_group(signal.SIGKILL)
        child.process.wait()
        child.reader.join(timeout=1)
    return forced
