"""Work in threads: the same as without, in order, and no more results waiting than there are threads."""

from __future__ import annotations

import pytest

from beatlens._threads import map_threads


@pytest.mark.parametrize("threads", [1, 2, 5, None])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_it_is_map(threads, n):
    """The same results in the same order, however many threads."""
    assert list(map_threads(lambda x: x * x, range(n), threads=threads)) == [x * x for x in range(n)]


def test_results_do_not_pile_up():
    """Items are taken as results are: at most as many wait as there are threads, and one more is at hand."""
    taken = []

    def items():
        for item in range(50):
            taken.append(item)
            yield item

    found = map_threads(str, items(), threads=3)
    assert [next(found) for _ in range(10)] == [str(item) for item in range(10)]
    assert len(taken) <= 10 + 3


def test_an_error_comes_out_where_it_happened():
    """Results before it are given, and the error is the one that was raised."""
    found = map_threads(lambda x: 1 / x, [1, 2, 0, 4], threads=2)
    assert [next(found), next(found)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(found)
