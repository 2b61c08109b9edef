"""The line in front of a model: requests wait in order, one thread computes them one by one.

    answer = await line.submit(work, deadline_s)      # work(should_stop) runs in the line's thread

The line is bounded, and nobody in it is computed for nothing: a request that is past its deadline or whose caller has gone is taken out,
or, if it has been started, told to stop. The scheduler that admits rows into a running batch will stand behind this same `submit`.

Not covered: fairness between clients, priorities, batches.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Generic, NamedTuple, TypeVar

from serving.errors import BusyError, DeadlineError, GoneError, NotReadyError

T = TypeVar("T")
Work = Callable[[Callable[[], bool]], T]

REMEMBERED_JOBS = 32  # whose compute times tell a refused client when to come back
FIRST_GUESS_S = 1.0  # before any job was measured
CLOSE_S = 5.0  # a job asks should_stop between decode steps, which take milliseconds


class Answered(NamedTuple, Generic[T]):
    """What the work returned, and where its time went."""

    value: T
    queue_ms: float
    compute_ms: float


@dataclass
class _Outcome:
    """How a job ended; times of `time.monotonic`, in seconds."""

    value: Any
    error: Exception | None
    started_s: float
    ended_s: float


@dataclass(eq=False)
class _Job:
    """One request in the line. `outcome` holds errors as values: an exception nobody awaits would be logged, with its text."""

    work: Work[Any]
    deadline_s: float
    loop: asyncio.AbstractEventLoop
    outcome: asyncio.Future[_Outcome]
    admitted_s: float = field(default_factory=time.monotonic)
    abandoned: bool = False

    def should_stop(self) -> bool:
        """Whether the answer is of no use any more."""
        return self.abandoned or time.monotonic() >= self.admitted_s + self.deadline_s

    def run(self) -> _Outcome:
        """Do the work; whatever it raises is its own affair and not the thread's."""
        started_s = time.monotonic()
        value: Any = None
        error: Exception | None = None
        try:
            if self.should_stop():
                raise DeadlineError("the deadline passed before it was started")
            value = self.work(self.should_stop)
        except Exception as raised:
            error = raised
        except BaseException as raised:  # raised again in the event loop, SystemExit would end the service
            error = RuntimeError(type(raised).__name__)
        return _Outcome(value, error, started_s, time.monotonic())

    def deliver(self, outcome: _Outcome) -> None:
        """Hand the outcome to the caller, if there still is one."""
        with contextlib.suppress(RuntimeError):  # the caller's event loop is closed
            self.loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: _Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class Line:
    """A bounded line and the thread that works it off.

    Attributes:
        name: of the kind of work; names the thread and the metric.
        length: how many jobs may wait besides the one that is computed.
    """

    def __init__(self, name: str, length: int) -> None:
        self.name = name
        self.length = length
        self._changed = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._running: _Job | None = None
        self._closed = False
        self._compute_s: deque[float] = deque(maxlen=REMEMBERED_JOBS)
        self._thread = threading.Thread(target=self._work_off, name=f"quayside-{name}", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    async def submit(self, work: Work[T], deadline_s: float) -> Answered[T]:
        """What `work` returns, once it is its turn.

        A caller that is cancelled leaves the line; work already running is told to stop.

        Args:
            work: called in the line's thread, with a function that says whether to stop.
            deadline_s: seconds from now within which the answer must be there.

        Raises:
            BusyError: the line is full.
            DeadlineError: the answer was not there in time.
            NotReadyError: the line is closed.
            Exception: whatever the work raised.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, deadline_s, loop, loop.create_future())
        self._admit(job)
        try:
            await asyncio.wait([job.outcome], timeout=deadline_s)
        finally:
            self._withdraw(job)
        if not job.outcome.done():
            raise DeadlineError(f"no answer within {deadline_s:g} s")
        outcome = job.outcome.result()
        if outcome.error is not None:
            raise outcome.error
        return Answered(outcome.value, 1_000 * (outcome.started_s - job.admitted_s), 1_000 * (outcome.ended_s - outcome.started_s))

    def close(self) -> None:
        """Refuse what waits, tell what runs to stop, and wait for the thread."""
        with self._changed:
            self._closed = True
            if self._running:
                self._running.abandoned = True
            refused = list(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        now_s = time.monotonic()
        for job in refused:
            job.deliver(_Outcome(None, NotReadyError("the service is stopping"), now_s, now_s))
        self._thread.join(CLOSE_S)

    def _admit(self, job: _Job) -> None:
        """Put the job at the end of the line, or refuse it."""
        with self._changed:
            if self._closed:
                raise NotReadyError("the service is stopping")
            if len(self._waiting) + (self._running is not None) > self.length:
                per_job_s = fmean(self._compute_s) if self._compute_s else FIRST_GUESS_S
                raise BusyError(f"{self.length} requests are waiting already", retry_after_s=per_job_s * self.length)
            self._waiting.append(job)
            self._changed.notify()

    def _withdraw(self, job: _Job) -> None:
        """Nobody waits for this job any more, answered or not."""
        with self._changed:
            job.abandoned = True
            with contextlib.suppress(ValueError):  # it is running, or done
                self._waiting.remove(job)

    def _work_off(self) -> None:
        """The thread: one job after the other until the line is closed."""
        while job := self._next():
            outcome = job.run()
            with self._changed:
                self._running = None
                self._compute_s.append(outcome.ended_s - outcome.started_s)
            job.deliver(outcome)
            del job, outcome  # an idle thread must not keep a customer's text

    def _next(self) -> _Job | None:
        """The first job in the line, waiting for one if need be; None when the line is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._running = self._waiting.popleft() if self._waiting else None
            return self._running


async def unless_gone(work: Coroutine[Any, Any, T], gone: Coroutine[Any, Any, object]) -> T:
    """What `work` returns, unless `gone` ends first; whichever is left over is cancelled.

    Args:
        work: the answer.
        gone: ends when the client has hung up.

    Raises:
        GoneError: the client hung up first.
        Exception: whatever the work raised.
    """
    answer, hung_up = asyncio.ensure_future(work), asyncio.ensure_future(gone)
    try:
        await asyncio.wait({answer, hung_up}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise GoneError("the client hung up")
        return answer.result()
    finally:
        for task in (answer, hung_up):
            task.cancel()
        await asyncio.gather(answer, hung_up, return_exceptions=True)
