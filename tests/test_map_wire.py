"""The bytes between Python and the map: what is packed comes back, and is small."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pages.ui.map import cloud as clouds
from pages.ui.map import wire
from pages.ui.map.move import Move, pack_move

N = 52_002  # Alpaca
GRADES = "claude-opus-4-20250514, helpfulness"
WHOLE_ORDER = 3_000  # up to this many rows the whole order travels with each move
FRONT_END = Path(wire.__file__).parent


def some_cloud(n: int = 400, *, drawn: NDArray[np.int64] | None = None, clusters: int = 5) -> clouds.Cloud:
    rng = np.random.default_rng(1)
    grades = np.where(rng.random(n) < 0.1, np.nan, rng.integers(2, 11, n) / 2).astype(np.float32)
    return clouds.pack_cloud(
        rng.normal(size=(n, 2)).astype(np.float32),
        rng.integers(-1, clusters, n).astype(np.int32),
        {0: "Küche 🍳", 1: "<b>"},
        judges={GRADES: grades, "smooth": rng.normal(size=n).astype(np.float32)},
        lengths=rng.integers(1, 900, n),
        drawn=drawn,
    )


def move_of(order: NDArray[np.int64], count: int, **other: object) -> Move:
    return Move(order=order, count=count, eligible=len(order), order_id="an-order", **other)  # type: ignore[arg-type]


def chosen_in(cloud: clouds.Cloud, packet: bytes, count: int | None = None) -> set[int]:
    """The points a browser shows: those of the move, or those it foresees at another count."""
    header, arrays = wire.unpack(packet)
    first, held = header["window"]
    window = arrays["window"].astype(np.int64)
    if "chosen" in arrays:
        shown = set(wire.unpack_set(header["chosen"], arrays["chosen"], cloud.points).tolist())
    else:
        assert first == 0, "without the set, the window starts where the order starts"
        shown = set(window[:held].tolist())
    if count is None:
        return shown
    ranks = arrays["ranks"] if cloud.drawn is not None else first + np.arange(len(window))
    inside = ranks < count
    return (shown | set(window[inside].tolist())) - set(window[~inside].tolist())


# --- packets ---------------------------------------------------------------------------------------


def test_a_packet_gives_back_its_header_and_arrays() -> None:
    """Of every kind of number, empty ones and other byte orders among them."""
    arrays = {
        "a": np.arange(7, dtype=np.uint8),
        "empty": np.zeros(0, dtype=np.uint16),
        "c": np.array([0, 2**32 - 1], dtype=np.uint32),
        "big_endian": np.array([1, 65_535], dtype=">u2"),
    }
    header, back = wire.unpack(wire.pack({"name": 'naïve ☃ "quoted"', "n": None}, arrays))
    assert header == {"name": 'naïve ☃ "quoted"', "n": None}
    assert {name: list(a) for name, a in back.items()} == {name: list(a) for name, a in arrays.items()}


def test_every_array_starts_at_a_multiple_of_four_bytes() -> None:
    """A typed array of the browser cannot start elsewhere."""
    packet = wire.pack({"é": 1}, {"a": np.full(3, 7, np.uint8), "b": np.full(5, 2**32 - 1, np.uint32)})
    assert packet.index(b"\xff" * 20) % 4 == 0
    assert packet.index(b"\x07\x07\x07") % 4 == 0


def test_bytes_that_are_no_packet_are_refused() -> None:
    """Instead of being read as something."""
    with pytest.raises(ValueError, match="not a map packet"):
        wire.unpack(b"PAR1 something else")


# --- sets ------------------------------------------------------------------------------------------


@given(st.integers(1, 700).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_a_set_comes_back_sorted(case: tuple[int, set[int]]) -> None:
    """Any set of positions, in whatever sequence it was given."""
    size, members = case
    code, data = wire.pack_set(np.array(list(members), dtype=np.int64), size)
    assert wire.unpack_set(code, data, size).tolist() == sorted(members)


@pytest.mark.parametrize(("count", "most"), [(0, 0), (1, 4), (1_000, 1_024), (9_229, 4_608), (N, 0)])
def test_sets_are_small(count: int, most: int) -> None:
    """Near what the information needs: nothing for none or all, a bit a position at most."""
    positions = np.random.default_rng(0).permutation(N)[:count]
    assert len(wire.pack_set(positions, N)[1]) <= most


@given(st.integers(0, 3_000), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_no_set_takes_more_than_a_bit_a_position(count: int, seed: int) -> None:
    """Whatever its size and whichever positions."""
    positions = np.random.default_rng(seed).permutation(3_000)[:count]
    assert len(wire.pack_set(positions, 3_000)[1]) <= 3_000 // 8 + 1


# --- the cloud -------------------------------------------------------------------------------------


def test_both_axes_keep_one_scale() -> None:
    """The longer side fills the extent, the shorter one is centred."""
    packed = clouds.quantise(np.array([[0, 0], [10, 0], [10, 5], [0, 5]], dtype=np.float32)).astype(int)
    assert packed[:, 0].min() == 0
    assert packed[:, 0].max() == clouds.EXTENT
    assert np.ptp(packed[:, 1]) == pytest.approx(clouds.EXTENT / 2, abs=1)
    assert packed[:, 1].mean() == pytest.approx(clouds.EXTENT / 2, abs=1), "the short axis is centred"


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.full((3, 2), 4.5)])
def test_a_map_without_extent_is_packed(points: NDArray[np.float64]) -> None:
    """No point, and several at one place."""
    assert len(clouds.quantise(points.astype(np.float32))) == len(points)


SCORES = st.lists(st.one_of(st.none(), st.integers(-40, 40).map(lambda i: i / 10)), min_size=1, max_size=60)


@given(SCORES)
def test_eligibility_at_an_offered_threshold_is_exact(values: list[float | None]) -> None:
    """What the browser reads from codes is what comparing the scores gives, unscored rows left out."""
    scores = np.array([np.nan if v is None else v for v in values], dtype=np.float32)
    offered = clouds.levels(scores)
    codes = clouds.level_indices(scores, offered)
    for i, level in enumerate(offered):
        seen_by_browser = [code != clouds.UNSCORED and code >= i for code in codes]
        assert seen_by_browser == [v is not None and np.float32(v) >= level for v in values]


def test_offered_thresholds_are_distinct_scores_of_the_data() -> None:
    """Each once, ascending, and no number that no row has."""
    assert clouds.levels(np.array([3, 1, np.nan, 3, 2.5], dtype=np.float32)).tolist() == [1, 2.5, 3]


def test_many_scores_are_offered_as_200_attained_quantiles() -> None:
    """From the lowest to the highest, in even steps of rows."""
    scores = np.random.default_rng(2).lognormal(size=20_000).astype(np.float32)
    offered = clouds.levels(scores)
    assert len(offered) == 200
    assert set(offered.tolist()) <= set(scores.tolist())
    assert (offered[0], offered[-1]) == (scores.min(), scores.max())
    passing = [(scores >= level).sum() for level in offered]
    assert max(a - b for a, b in pairwise(passing)) < 200, "no step skips many rows"
    codes = clouds.level_indices(scores, offered)
    assert [(codes >= i).sum() for i in range(200)] == passing


def test_the_header_counts_all_rows() -> None:
    """By score, by bin and by cluster, unscored rows apart."""
    cloud = some_cloud()
    header, arrays = wire.unpack(cloud.packet)
    judge = header["judges"][0]
    assert header["n"] == header["drawn"] == 400
    assert sum(judge["counts"]) + judge["unscored"] == 400
    assert sum(judge["bins"]) == 400 - judge["unscored"]
    assert sum(c["total"] for c in header["clusters"]) == 400
    assert np.bincount(arrays["cluster"]).tolist() == [c["total"] for c in header["clusters"]]


def test_clusters_come_by_size_with_noise_last() -> None:
    """One without a name gets its number."""
    labels = np.array([-1] * 9 + [4] * 2 + [7] * 5, dtype=np.int32)
    cloud = clouds.pack_cloud(
        np.zeros((16, 2), np.float32), labels, {7: "seven"}, judges={}, lengths=np.arange(16)
    )
    clusters = wire.unpack(cloud.packet)[0]["clusters"]
    assert [(c["id"], c["name"], c["total"]) for c in clusters] == [
        (7, "seven", 5),
        (4, "Cluster 4", 2),
        (-1, "Noise", 9),
    ]


def test_a_level_and_its_threshold_name_each_other() -> None:
    """One between two levels means the next one up; one beyond them the last."""
    cloud = some_cloud()
    for i, level in enumerate(cloud.levels[GRADES]):
        assert cloud.threshold(GRADES, i) == level
        assert cloud.level(GRADES, float(level)) == i
    assert cloud.level(GRADES, 3.2) == cloud.level(GRADES, 3.5), "the next that is on offer"
    assert cloud.level(GRADES, 99) == len(cloud.levels[GRADES]) - 1
    assert cloud.threshold(GRADES, 99) == 5


def test_levels_are_written_in_their_shortest_form() -> None:
    """4.3 and not what single precision makes of it."""
    scores = np.array([4.3, 4.4], dtype=np.float32)
    cloud = clouds.pack_cloud(
        np.zeros((2, 2), np.float32), np.zeros(2, np.int32), {}, judges={"j": scores}, lengths=[1, 2]
    )
    assert wire.unpack(cloud.packet)[0]["judges"][0]["levels"] == [4.3, 4.4]


def test_a_sample_says_which_rows_it_draws_and_counts_all() -> None:
    """Rows of drawn points ascend, totals are of the whole dataset, and rows that are not drawn have no point."""
    drawn = np.arange(0, 400, 7)
    cloud = some_cloud(drawn=drawn[::-1])
    header, arrays = wire.unpack(cloud.packet)
    assert arrays["row"].tolist() == drawn.tolist()
    assert (header["n"], header["drawn"], len(arrays["x"])) == (400, len(drawn), len(drawn))
    assert sum(c["total"] for c in header["clusters"]) == 400
    assert cloud.points_of(np.array([14, 15, 0, 399])).tolist() == [2, 0, 57]


def test_the_same_rows_get_the_same_id_and_others_another() -> None:
    """The id is of the content, not of the object."""
    assert some_cloud().id == some_cloud().id
    assert some_cloud().id != some_cloud(401).id


def test_an_empty_dataset_is_packed() -> None:
    """Nothing to draw, nothing to take."""
    nothing = np.zeros(0)
    cloud = clouds.pack_cloud(
        np.zeros((0, 2), np.float32),
        nothing.astype(np.int32),
        {},
        judges={"j": nothing.astype(np.float32)},
        lengths=nothing.astype(np.int64),
    )
    header, _ = wire.unpack(pack_move(cloud, move_of(np.zeros(0, np.int64), 100)))
    assert header["taken"] == header["max_count"] == 0


# --- the move --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alpaca() -> clouds.Cloud:
    return some_cloud(N, clusters=40)


@pytest.mark.parametrize("count", [0, 1, 7, 1_000, 3_000, 9_229, 20_000, 26_001, 39_000, 51_999, N, 10**6])
def test_a_move_carries_the_selection_in_seven_kilobytes(alpaca: clouds.Cloud, count: int) -> None:
    """From no row to more than there are, exactly the first of the order."""
    order = np.random.default_rng(count).permutation(N)
    other = {"seq": 123_456, "ack": 1_763_683_200_000, "judge": GRADES, "level": 7}
    packet = pack_move(alpaca, move_of(order, count, isolated=39, message="", **other))
    assert len(packet) <= 7_000
    assert chosen_in(alpaca, packet) == set(order[:count].tolist())


@pytest.mark.parametrize("count", [1, 900, 3_000, 9_229])
def test_within_its_window_a_move_foresees_every_other_count(alpaca: clouds.Cloud, count: int) -> None:
    """The window holds more than a thousand rows around the count."""
    order = np.random.default_rng(count).permutation(N)
    packet = pack_move(alpaca, move_of(order, count))
    first = wire.unpack(packet)[0]["window"][0]
    last = first + len(wire.unpack(packet)[1]["window"])
    assert first <= count <= last
    assert last - first > 1_000
    for other in np.linspace(first, last, 9).astype(int):
        assert chosen_in(alpaca, packet, int(other)) == set(order[:other].tolist())


def test_up_to_3000_rows_the_whole_order_fits() -> None:
    """Every count is foreseen then."""
    cloud = some_cloud(WHOLE_ORDER)
    order = np.random.default_rng(0).permutation(WHOLE_ORDER)
    packet = pack_move(cloud, move_of(order, 1_500, judge=GRADES, level=3))
    assert wire.unpack(packet)[1]["window"].tolist() == order.tolist()
    assert len(packet) <= 7_000
    for count in (0, 1, 1_499, 2_999, 3_000):
        assert chosen_in(cloud, packet, count) == set(order[:count].tolist())


def test_a_move_counts_clusters_over_all_rows_though_few_are_drawn() -> None:
    """The legend is exact where a tenth of the rows have a point."""
    cloud = some_cloud(4_000, drawn=np.arange(0, 4_000, 10))
    order = np.random.default_rng(5).permutation(4_000)[:2_500]
    packet = pack_move(cloud, move_of(order, 1_234))
    by_cluster = wire.unpack(packet)[1]["by_cluster"]
    labels = cloud.clusters[cloud.cluster_of]
    assert by_cluster.tolist() == [int((labels[order[:1_234]] == c).sum()) for c in cloud.clusters]
    for count in (None, 0, 1_000, 2_500):
        rows = order[: 1_234 if count is None else count]
        assert chosen_in(cloud, packet, count) == {int(r) // 10 for r in rows if r % 10 == 0}


def test_a_move_carries_pins_and_what_it_answers() -> None:
    """Both kinds of pins, whether one can be undone, and which setting and decision this answers."""
    cloud = some_cloud()
    include, exclude = np.array([3, 399]), np.array([5])
    order = np.concatenate([include, np.setdiff1d(np.arange(400), [3, 399, 5])])
    move = move_of(order, 10, include=include, exclude=exclude, can_undo=True, seq=8, ack=77, pending=True)
    header, arrays = wire.unpack(pack_move(cloud, move))
    assert wire.unpack_set(header["pinned"], arrays["pinned"], 400).tolist() == [3, 399]
    assert wire.unpack_set(header["excluded"], arrays["excluded"], 400).tolist() == [5]
    assert header["pins"] == [2, 1, 1, 77]
    assert (header["seq"], header["pending"], header["max_count"]) == (8, True, 399)


@pytest.mark.parametrize(("asked", "sent"), [(None, None), (-3, 0), (2, 2), (10**9, 8)])
def test_a_level_that_is_not_on_offer_becomes_the_nearest(asked: int | None, sent: int | None) -> None:
    """And none where the judge is of another file."""
    cloud = some_cloud()
    packet = pack_move(cloud, move_of(np.arange(400), 10, judge=GRADES, level=asked))
    assert wire.unpack(packet)[0]["level"] == sent
    unknown = pack_move(cloud, move_of(np.arange(400), 10, judge="of another file", level=asked))
    assert wire.unpack(unknown)[0]["level"] is None


def test_more_than_65536_points_are_addressed() -> None:
    """Places of the window are then wider than two bytes."""
    n = 70_000
    cloud = clouds.pack_cloud(
        np.zeros((n, 2), np.float32), np.zeros(n, np.int32), {}, judges={}, lengths=np.ones(n, np.int64)
    )
    packet = pack_move(cloud, move_of(np.arange(n)[::-1], 3))
    assert chosen_in(cloud, packet) == {n - 1, n - 2, n - 3}


# --- the code that travels ---------------------------------------------------------------------------


def test_the_code_that_travels_is_small() -> None:
    """The code and styles of the map, and what hands over to them with every move."""
    from pages.ui import map as rowmap

    assert len(rowmap.script()) + len(rowmap.styles()) < 40_000
    assert len(rowmap.HANDOVER) < 600, "this much is sent with every move"


def test_names_from_files_reach_the_page_as_text_only() -> None:
    """No script of the map writes markup."""
    for path in FRONT_END.glob("*.js"):
        code = path.read_text("utf-8")
        for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert unsafe not in code, f"{unsafe} in {path.name}"


def test_every_front_end_file_travels() -> None:
    """A file that is not listed would be dead."""
    from pages.ui import map as rowmap

    assert {path.name for path in FRONT_END.glob("*.js")} == set(rowmap.SCRIPTS)
