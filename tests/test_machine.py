"""Matrix products on one core: for as long as any block asks for it, and not a moment longer."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from core.machine import products_on_one_core

CORES = 2


def threads():
    """How many threads a product of numpy takes now."""
    return next(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")


@pytest.fixture(autouse=True)
def _two_threads():
    """Two threads outside of every block, as on a machine of two cores."""
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(limits=CORES, user_api="blas"):
        yield


def test_products_are_on_one_core_inside_alone():
    """One thread inside, also of an inner block; as many as before after it, also after an error."""
    with products_on_one_core():
        assert threads() == 1
        with products_on_one_core():
            assert threads() == 1
        assert threads() == 1
    assert threads() == CORES
    with pytest.raises(ZeroDivisionError), products_on_one_core():
        raise ZeroDivisionError
    assert threads() == CORES


def test_blocks_of_two_sessions_that_overlap_leave_the_cores_as_they_were():
    """The first begins before the other and ends before it: neither restores what the other one set."""
    is_second_inside, is_first_done = threading.Event(), threading.Event()
    seen = []

    def second():
        with products_on_one_core():
            is_second_inside.set()
            is_first_done.wait(10)
            seen.append(threads())

    other = threading.Thread(target=second)
    with products_on_one_core():
        other.start()
        assert is_second_inside.wait(10)
    is_first_done.set()
    other.join(10)
    assert seen == [1]
    assert threads() == CORES
