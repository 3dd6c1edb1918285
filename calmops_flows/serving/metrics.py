"""What Prometheus is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calmops_flows.serving.answer import Answer
    from calmops_flows.serving.journal import Journal
    from calmops_flows.serving.slots import Slots

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one server, in a registry of their own.

    Parameters
    ----------
    slots : Slots
        Which versions answer.
    journal : Journal or None
        Where answers are logged.
    waiting : callable
        Requests in the queue now.
    """

    def __init__(self, slots: Slots, journal: Journal | None, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "calmops_requests",
            "Requests by route and status.",
            ("route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "calmops_request_seconds",
            "Seconds from the request's head to its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._rows = Counter(
            "calmops_rows",
            "Rows predicted, by pipeline and model version.",
            ("pipeline", "version"),
            registry=self._registry,
        )
        self._answers = Counter(
            "calmops_answers",
            "Answers by pipeline and path: compiled for a few rows, ordinary for the rest.",
            ("pipeline", "path"),
            registry=self._registry,
        )
        queue = Gauge("calmops_queue", "Requests waiting or worked on.", registry=self._registry)
        queue.set_function(waiting)
        self._registry.register(_Standing(slots, journal))

    def seen(self, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def predicted(self, answer: Answer) -> None:
        """Count one answer and its rows."""
        served = answer.served
        self._rows.labels(served.pipeline, str(served.version)).inc(len(answer.said))
        self._answers.labels(served.pipeline, answer.path).inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry)


class _Standing:
    """Reads versions and states when somebody asks."""

    def __init__(self, slots: Slots, journal: Journal | None) -> None:
        self._slots = slots
        self._journal = journal

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges of all pipelines."""
        version = GaugeMetricFamily(
            "calmops_model_version", "Version that answers.", labels=["pipeline"]
        )
        degraded = GaugeMetricFamily(
            "calmops_degraded", "1 if the store's champion does not answer.", labels=["pipeline"]
        )
        compiled = GaugeMetricFamily(
            "calmops_compiled", "1 if the model answers few rows compiled.", labels=["pipeline"]
        )
        reloads = GaugeMetricFamily(
            "calmops_reloads", "Models taken over since the start.", labels=["pipeline"]
        )
        for slot in self._slots.all():
            version.add_metric([slot.name], slot.current.version if slot.current else 0)
            degraded.add_metric([slot.name], float(slot.status != "ok"))
            is_quick = slot.current is not None and slot.current.quick is not None
            compiled.add_metric([slot.name], float(is_quick))
            reloads.add_metric([slot.name], slot.reloads)
        dropped = self._journal.dropped if self._journal else 0
        yield from (version, degraded, compiled, reloads)
        yield GaugeMetricFamily(
            "calmops_log_dropped_rows", "Rows that could not be logged.", value=dropped
        )
