"""Two things at a time: NumPy and SciPy let go of the interpreter while they work on large arrays."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_THREADS: Final = 4
"""More bring little, as each piece of work is bound by memory."""


def map_threads(function: Callable[[Item], Result], items: Iterable[Item], *, threads: int | None = None) -> Iterator[Result]:
    """Yield what a function returns for each item, in order, some items at a time.

    No more results are waiting than there are threads, so that the memory does not grow with the number of items. An error
    is raised where its result would have been.

    Parameters
    ----------
    function : callable
    items : iterable
    threads : int, optional
        How many at a time; the number of cores that this process may use, four at most, if not given. With one core it is
        the built-in `map`.
    """
    threads = threads or min(MOST_THREADS, _cores())
    if threads == 1:
        yield from map(function, items)
        return
    # Matrix products that take every core for themselves are in each other's way: classes of a day took 1.4 times as long.
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
