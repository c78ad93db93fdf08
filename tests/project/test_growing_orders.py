"""Orders that grow as more rows are asked for, and threads that ask at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from small_project import built, copied, many

from core import Pins, Project, SelectParams
from core.errors import Cancelled, StoreError
from core.selection import strategies, strategy

# Orders in growing lengths.


def test_longer_orders_begin_with_shorter_ones(tmp_path, short):
    """Made one by one in fresh projects, each is the beginning of the next, and the last holds every row."""
    file, home = copied(tmp_path / "home")
    made = [Project.open(file, home=home).order(SelectParams(count=count)) for count in (1, 9, 17, 60)]
    assert [len(order) for order in made] == [8, 12, 24, 60]
    for shorter, longer in pairwise(made):
        assert shorter.tolist() == longer[: len(shorter)].tolist()
    assert sorted(made[-1]) == list(range(60))


RUNGS = {0: 8, 8: 8, 9: 12, 12: 12, 13: 16, 17: 24, 25: 32, 33: 48, 49: 60, 60: 60, None: 60, 10**9: 60}


@pytest.mark.parametrize("count", RUNGS)
def test_nearby_counts_share_orders_and_curves(project, short, count):
    """The length is the first of 8, 12, 16, 24, 32, 48 and all that is enough; quick orders are complete."""
    slow, quick = SelectParams(count=count), SelectParams(count=count, strategy="random")
    assert project.curve_limit(slow) == project.curve_limit(quick) == RUNGS[count]
    assert len(project.order(slow)) == RUNGS[count]
    assert len(project.order(quick)) == 60


def test_excluded_rows_make_an_order_longer(project, short):
    """It has to be enough without them."""
    ids = project.dataset.frame["id"]
    limits = [
        project.curve_limit(SelectParams(count=8, pins=Pins(exclude=frozenset(ids.head(excluded).to_list()))))
        for excluded in (0, 1, 4, 5)
    ]
    assert limits == [8, 12, 12, 16]


def test_a_ready_order_is_one_that_is_in_memory(project, short):
    """Nothing at first; then the exact one, not for a longer wish or another seed; pins are laid over it."""
    project = Project.open(built()[0], home=built()[1])
    wish, longer = SelectParams(count=8), SelectParams(count=30)
    assert project.ready_order(wish) is None
    order = project.order(wish)
    assert project.ready_order(wish).tolist() == order.tolist()
    assert project.ready_order(longer) is None
    first = project.dataset.frame["id"][int(order[0])]
    without = SelectParams(count=7, pins=Pins(exclude=frozenset({first})))
    assert project.ready_order(without).tolist() == order[1:].tolist()
    assert project.ready_order(SelectParams(count=8, seed=1)) is None


def test_orders_and_control_curves_that_cannot_be_stored_are_given_all_the_same(
    project, tmp_path, monkeypatch, caplog
):
    """A full disk is said in the log; the answer is that of a disk with room, and as little to be changed."""
    params = SelectParams(count=6)
    order, curve = project.order(params), project.control_curve(params, 0)

    def full(*_, **__):
        raise StoreError("The store could not be written: No space left on device.", "Free some space.")

    file, home = copied(tmp_path / "home")
    cramped = Project.open(file, home=home)
    monkeypatch.setattr(cramped.store, "put", full)
    given, covered = cramped.order(params), cramped.control_curve(params, 0)
    np.testing.assert_array_equal(given, order)
    np.testing.assert_array_equal(covered.radius, curve.radius)
    assert not given.flags.writeable
    assert not any(array.flags.writeable for array in (covered.counts, covered.radius, covered.mean))
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        f"No space left on device. The {stage} is used now and computed again next time."
        for stage in ("order", "control-curve")
    ]


def test_a_quick_order_is_always_ready(project):
    """Strategies that take no time are computed at once and are complete."""
    for name in strategies():
        if not strategy(name).slow:
            assert len(project.ready_order(SelectParams(strategy=name, judge="quality", count=1))) == 59


def test_a_curve_reaches_as_far_as_its_order(project, short):
    """Counts below the limit share one curve, which agrees with the distances of all pairs."""
    project = Project.open(built()[0], home=built()[1])
    params = SelectParams(count=5)
    assert project.ready_curve(params) is None
    curve = project.curve(params)
    assert project.ready_curve(SelectParams(count=8)) is curve
    assert project.ready_curve(SelectParams(count=9)) is None
    assert curve.counts.tolist() == list(range(1, 9))
    wide, order = project.vectors().astype(float), project.order(params)
    for count in (1, 8):
        nearest = (1 - wide @ wide[order[:count]].T).min(axis=1)
        assert curve.at(count) == pytest.approx((nearest.max(), nearest.mean()), abs=1e-6)
    assert curve.at(9) is None


def test_control_curves_are_ready_when_all_are_there(project, short):
    """One missing draw is as good as none; each is the curve of that draw."""
    project = Project.open(built()[0], home=built()[1])
    params = SelectParams(count=5)
    for seed in range(5):
        assert project.ready_control_curves(params) is None
        curve = project.control_curve(params, seed)
    assert project.ready_control_curves(params)[-1] is curve
    wide = project.vectors().astype(float)
    nearest = (1 - wide @ wide[project.control(4)[:8]].T).min(axis=1)
    assert curve.at(8) == pytest.approx((nearest.max(), nearest.mean()), abs=1e-6)


# Threads.


def test_many_threads_that_want_one_order_compute_it_once(tmp_path, fake, calls, monkeypatch):
    """From nothing stored: each stage and the order are computed by one thread, and all get the same."""
    project = Project.open(many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    from core.selection import k_center

    counted, traverse, together = [], k_center.farthest_first, threading.Barrier(8)
    monkeypatch.setattr(k_center, "farthest_first", lambda *a, **k: counted.append(1) or traverse(*a, **k))

    def ask(_):
        together.wait(timeout=30)
        return project.order(SelectParams(count=30))

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, range(8)))
    assert len(counted) == 1
    assert len({id(order) for order in got}) == 1
    assert calls["embedding.embed"] == calls["neighbours.neighbours"] == 1


def test_one_thread_that_is_stopped_does_not_stop_the_others(project, monkeypatch):
    """Where the computing thread is cancelled, one that waited computes."""
    began, stopped = threading.Event(), threading.Event()

    def cancelled(progress):
        began.set()
        stopped.wait(30)
        raise Cancelled

    params = SelectParams(count=3, seed=99)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(project.order, params, on_progress=cancelled)
        assert began.wait(30)
        second = pool.submit(project.order, params)
        stopped.set()
        assert isinstance(first.exception(timeout=30), Cancelled)
        assert len(second.result(timeout=30)) == 60
