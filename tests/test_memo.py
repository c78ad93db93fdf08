from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from core.memo import Memo

PATIENCE = 30  # seconds until a test that hangs gives up


def _never():
    raise AssertionError("computed again")


def test_a_result_is_computed_once_and_kept():
    """The second asker gets the very object of the first."""
    memo = Memo(2)
    first = memo.get("a", lambda: ["result"])
    assert memo.get("a", _never) is first
    assert memo.peek("a") is first


def test_peek_never_computes():
    """What was not asked for is None."""
    assert Memo(2).peek("a") is None


def test_threads_that_ask_at_once_compute_once():
    """One computes while the others wait, and all get its result."""
    memo, counted, together = Memo(2), [], threading.Barrier(8)

    def ask(_):
        together.wait(PATIENCE)
        return memo.get("a", lambda: counted.append(1) or object())

    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(ask, range(8)))
    assert len(results) == len(counted) == 1


def test_a_computation_holds_up_neither_other_keys_nor_a_peek():
    """While one key takes its time, another is computed and the first is looked for without waiting."""
    memo, begun, go_on = Memo(2), threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(PATIENCE)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(memo.get, "a", slow)
        assert begun.wait(PATIENCE)
        assert memo.get("b", lambda: "quick") == "quick"
        assert memo.peek("a") is None
        go_on.set()
        assert future.result(PATIENCE) == "slow"


def test_a_computation_may_ask_for_another_key():
    """A stage asks for the stages before it."""
    memo = Memo(2)
    assert memo.get("b", lambda: memo.get("a", lambda: 1) + 1) == 2
    assert memo.peek("a") == 1


def test_an_exception_is_passed_on_and_nothing_is_kept():
    """The next asker computes anew."""
    memo = Memo(2)
    with pytest.raises(ZeroDivisionError):
        memo.get("a", lambda: 1 / 0)
    assert memo.get("a", lambda: 1) == 1


def test_waiters_of_a_failed_computation_compute_one_after_the_other():
    """However many wait, and whoever comes later, at most one computes at a time."""
    memo, together = Memo(2), threading.Barrier(8)
    inside, most, attempts = [], [], []

    def fails_twice():
        inside.append(1)
        most.append(len(inside))
        attempts.append(1)
        threading.Event().wait(0.02)
        inside.pop()
        if len(attempts) < 3:
            raise ZeroDivisionError
        return "there"

    def ask(_):
        together.wait(PATIENCE)
        while True:
            with suppress(ZeroDivisionError):
                return memo.get("a", fails_twice)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"there"}
    assert len(attempts) == 3
    assert max(most) == 1


def test_keys_that_fail_leave_nothing_behind():
    """A thousand wishes that were given up cost no memory."""
    memo = Memo(2)
    for key in range(1000):
        with pytest.raises(ZeroDivisionError):
            memo.get(key, lambda: 1 / 0)
    held = [value for value in vars(memo).values() if hasattr(value, "__len__")]
    assert held
    assert [len(value) for value in held] == [0] * len(held)


def test_the_result_not_asked_for_longest_is_dropped():
    """A look or a get makes a result young again; put counts as well."""
    memo = Memo(3)
    for key in "abc":
        memo.get(key, lambda key=key: key.upper())
    memo.peek("a")
    memo.get("b", _never)
    memo.put("d", "D")
    assert [memo.peek(key) for key in "abcd"] == ["A", "B", None, "D"]


def test_clear_forgets_everything():
    """What is asked for afterwards is computed."""
    memo = Memo(2)
    memo.put("a", 1)
    memo.clear()
    assert memo.peek("a") is None
    assert memo.get("a", lambda: 2) == 2
