import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from serving.errors import BusyError, DeadlineError, GoneError, NotReadyError
from serving.waiting import Answered, Line, unless_gone

LONG_S = 10.0  # longer than any test takes


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line("test", length=2)
    yield made
    made.close()


class Gate:
    """Work that runs until it is opened or told to stop."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.opened = threading.Event()
        self.stopped = threading.Event()

    def __call__(self, should_stop: Callable[[], bool]) -> str:
        self.started.set()
        while not self.opened.wait(0.002):
            if should_stop():
                self.stopped.set()
                raise DeadlineError("stopped")
        return "opened"

    async def running(self) -> None:
        await asyncio.to_thread(self.started.wait, LONG_S)
        assert self.started.is_set()


async def settle(tasks: int, line: Line) -> None:
    """Until so many tasks wait in the line."""
    for _ in range(1_000):
        if len(line) == tasks:
            return
        await asyncio.sleep(0.002)
    raise AssertionError(f"{len(line)} wait, not {tasks}")


def start(work: Coroutine[Any, Any, Answered[Any]]) -> "asyncio.Task[Answered[Any]]":
    return asyncio.create_task(work)


def test_value_and_times(line: Line) -> None:
    answered = asyncio.run(line.submit(lambda _: time.sleep(0.02) or "done", LONG_S))
    assert answered.value == "done"
    assert 20 <= answered.compute_ms < 1_000
    assert 0 <= answered.queue_ms < 1_000


def test_in_order_one_at_a_time(line: Line) -> None:
    seen: list[str] = []

    async def run() -> list[Answered[Any]]:
        gate = Gate()
        first = start(line.submit(gate, LONG_S))
        await gate.running()
        others = [start(line.submit(lambda _, name=name: seen.append(name), LONG_S)) for name in "ab"]
        await settle(2, line)
        assert seen == []
        gate.opened.set()
        return [await task for task in (first, *others)]

    answers = asyncio.run(run())
    assert seen == ["a", "b"]
    assert answers[1].queue_ms > 0


def test_a_full_line_says_when_to_come_back(line: Line) -> None:
    async def run() -> BusyError:
        for _ in range(3):
            await line.submit(lambda _: time.sleep(0.05), LONG_S)
        gate = Gate()
        tasks = [start(line.submit(gate, LONG_S)) for _ in range(3)]
        await gate.running()
        await settle(2, line)
        with pytest.raises(BusyError, match=r"^2 requests are waiting already$") as caught:
            await line.submit(lambda _: None, LONG_S)
        gate.opened.set()
        await asyncio.gather(*tasks)
        return caught.value

    retry_after_s = asyncio.run(run()).retry_after_s
    assert retry_after_s is not None
    assert 2 * 0.05 <= retry_after_s < 1.0


def test_a_full_line_without_measurements_guesses() -> None:
    line = Line("test", length=1)

    async def run() -> float | None:
        gate = Gate()
        running = start(line.submit(gate, LONG_S))
        await gate.running()
        waiting = start(line.submit(lambda _: None, LONG_S))
        await settle(1, line)
        with pytest.raises(BusyError) as caught:
            await line.submit(lambda _: None, LONG_S)
        gate.opened.set()
        await asyncio.gather(running, waiting)
        return caught.value.retry_after_s

    assert asyncio.run(run()) == 1.0
    line.close()


def test_the_deadline_answers_though_the_work_is_deaf(line: Line) -> None:
    opened = threading.Event()

    async def run() -> None:
        with pytest.raises(DeadlineError, match=r"^no answer within 0\.05 s$"):
            await line.submit(lambda _: opened.wait(LONG_S), 0.05)
        assert not opened.is_set()
        opened.set()

    asyncio.run(run())


def test_the_deadline_stops_the_work(line: Line) -> None:
    gate = Gate()

    async def run() -> None:
        with pytest.raises(DeadlineError):
            await line.submit(gate, 0.05)

    asyncio.run(run())
    assert gate.stopped.wait(LONG_S)


def test_work_past_its_deadline_in_the_line_is_never_started(line: Line) -> None:
    started = threading.Event()

    async def run() -> None:
        gate = Gate()
        first = start(line.submit(gate, LONG_S))
        await gate.running()
        with pytest.raises(DeadlineError):
            await line.submit(lambda _: started.set(), 0.02)
        assert len(line) == 0
        gate.opened.set()
        await first
        assert (await line.submit(lambda _: "next", LONG_S)).value == "next"

    asyncio.run(run())
    assert not started.is_set()


def test_a_caller_that_goes_leaves_the_line(line: Line) -> None:
    started = threading.Event()

    async def run() -> None:
        gate = Gate()
        first = start(line.submit(gate, LONG_S))
        await gate.running()
        second = start(line.submit(lambda _: started.set(), LONG_S))
        await settle(1, line)
        second.cancel()
        await settle(0, line)
        gate.opened.set()
        await first
        await line.submit(lambda _: None, LONG_S)

    asyncio.run(run())
    assert not started.is_set()


def test_a_caller_that_goes_stops_running_work(line: Line) -> None:
    gate = Gate()

    async def run() -> None:
        task = start(line.submit(gate, LONG_S))
        await gate.running()
        task.cancel()
        await asyncio.to_thread(gate.stopped.wait, LONG_S)

    asyncio.run(run())
    assert gate.stopped.is_set()


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit()])
def test_a_crash_harms_only_its_own_job(line: Line, error: BaseException) -> None:
    def crash(_: Callable[[], bool]) -> None:
        raise error

    async def run() -> list[Any]:
        jobs = [line.submit(lambda _: 1, LONG_S), line.submit(crash, LONG_S), line.submit(lambda _: 3, LONG_S)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    first, second, third = asyncio.run(run())
    assert (first.value, third.value) == (1, 3)
    assert isinstance(second, Exception)


def test_a_caller_whose_loop_is_gone_does_not_stop_the_thread(line: Line) -> None:
    gate = Gate()

    async def leave() -> None:
        start(line.submit(gate, LONG_S))
        await gate.running()

    asyncio.run(leave())
    assert gate.stopped.wait(LONG_S)
    assert asyncio.run(line.submit(lambda _: "next", LONG_S)).value == "next"


def test_close_stops_what_runs_and_refuses_what_waits() -> None:
    line, gate = Line("test", length=2), Gate()

    async def run() -> list[Any]:
        running = start(line.submit(gate, LONG_S))
        await gate.running()
        waiting = start(line.submit(lambda _: None, LONG_S))
        await settle(1, line)
        await asyncio.to_thread(line.close)
        late = start(line.submit(lambda _: None, LONG_S))
        return await asyncio.gather(running, waiting, late, return_exceptions=True)

    running, *refused = asyncio.run(run())
    assert isinstance(running, DeadlineError)
    assert [(type(error), str(error)) for error in refused] == [(NotReadyError, "the service is stopping")] * 2
    assert not line._thread.is_alive()


def test_unless_gone_gives_the_answer() -> None:
    async def run() -> int:
        async def answer() -> int:
            return 7

        return await unless_gone(answer(), asyncio.sleep(LONG_S))

    assert asyncio.run(run()) == 7


def test_unless_gone_cancels_the_work() -> None:
    cancelled: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(LONG_S)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def run() -> None:
        with pytest.raises(GoneError, match=r"^the client hung up$"):
            await unless_gone(work(), asyncio.sleep(0.01))

    asyncio.run(run())
    assert cancelled == [True]


def test_unless_gone_passes_an_error_on() -> None:
    async def work() -> None:
        raise BusyError("full")

    async def run() -> None:
        with pytest.raises(BusyError, match=r"^full$"):
            await unless_gone(work(), asyncio.sleep(LONG_S))

    asyncio.run(run())
