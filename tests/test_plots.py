from __future__ import annotations

import html
import re
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest

from core.domain import SelectParams
from core.errors import ParameterError
from core.loading.judges import judge
from core.metrics import Curve
from core.palette import NOISE, ON_LIGHT
from core.plots import LONGEST_NAME, curve_figure, map_figure, plain
from core.selection import cut

COORDS = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
LABELS = (np.arange(40) % 4 - 1).astype(np.int32)  # noise and three clusters
NAMES = MappingProxyType({-1: "noise", 0: "cats", 1: "bread", 2: "tax"})
SCORES = np.where(np.arange(40) % 8 == 0, np.nan, np.arange(40) % 5).astype(np.float32)
JUDGES = MappingProxyType({"quality": judge("quality", SCORES)})
TOKENS = np.arange(40, dtype=np.int32)
CHOSEN = cut(
    SelectParams(count=10),
    ids=pl.Series([str(row) for row in range(40)]),
    order=np.arange(3, 40, dtype=np.int64),
    judge=None,
)


def _figure(**changes):
    settings = {"labels": LABELS, "names": NAMES, "judges": JUDGES, "tokens": TOKENS, **changes}
    return map_figure(COORDS, **settings)


def _rows(trace):
    """The positions of a trace's points."""
    where = {tuple(point): row for row, point in enumerate(COORDS)}
    return [where[point] for point in zip(trace.x, trace.y, strict=True)]


def test_a_cluster_is_a_trace_with_its_counts_and_colour():
    """In the order of their labels, noise last and grey; the title tells shown and all rows of it."""
    figure = _figure()
    assert [trace.name for trace in figure.data] == [
        "cats (10 / 10)", "bread (10 / 10)", "tax (10 / 10)", "noise (10 / 10)"
    ]  # fmt: skip
    assert [_rows(trace) for trace in figure.data] == [
        np.flatnonzero(label == LABELS).tolist() for label in (0, 1, 2, -1)
    ]
    assert [trace.marker.color for trace in figure.data] == [*ON_LIGHT[:3], NOISE]


def test_rows_that_are_not_chosen_lie_faint_below():
    """They come first, so that the chosen ones are drawn over them, and they carry their count."""
    figure = _figure(chosen=CHOSEN)
    assert figure.data[0].name == "not chosen (30)"
    assert sorted(_rows(figure.data[0])) == [0, 1, 2, *range(13, 40)]
    assert sorted(row for trace in figure.data[1:] for row in _rows(trace)) == list(range(3, 13))
    assert [trace.name for trace in figure.data[1:4]] == ["cats (2 / 10)", "bread (2 / 10)", "tax (3 / 10)"]


def test_chosen_rows_may_be_one_colour():
    """Coloured by ``selected`` there are two traces with their counts, or one where all are shown."""
    assert [trace.name for trace in _figure(chosen=CHOSEN, colour_by="selected").data] == [
        "not chosen (30)",
        "chosen (10)",
    ]
    assert [trace.name for trace in _figure(colour_by="selected").data] == ["chosen (40)"]


def test_unscored_rows_are_grey_crosses_and_never_a_number():
    """They are counted in the legend, and the colour scale holds the scores alone."""
    crosses, shaded = _figure(colour_by="quality").data
    assert (crosses.name, crosses.marker.symbol, crosses.marker.color) == ("unscored (5)", "x", NOISE)
    assert _rows(crosses) == np.flatnonzero(np.isnan(SCORES)).tolist()
    assert list(shaded.marker.color) == SCORES[~np.isnan(SCORES)].tolist()
    assert shaded.marker.colorbar.title.text == "quality"


def test_a_judge_without_gaps_has_no_trace_for_them():
    """Nobody is told of 0 unscored rows."""
    full = judge("full", np.arange(40, dtype=np.float32))
    assert len(_figure(judges={"full": full}, colour_by="full").data) == 1


def test_length_is_shown_on_a_logarithmic_scale():
    """Tokens as powers of ten; a row without tokens does not break the scale."""
    (shaded,) = _figure(colour_by="length").data
    np.testing.assert_allclose(shaded.marker.color, np.log10([1, *range(1, 40)]))
    assert shaded.marker.colorbar.title.text == "log10 tokens"


@pytest.mark.parametrize("colour", ["", "clusters", "Quality", "gpt"])
def test_an_unknown_colour_is_refused(colour):
    """The hint names every colour that there is."""
    with pytest.raises(ParameterError, match=re.escape(repr(colour))) as caught:
        _figure(colour_by=colour)
    assert caught.value.hint == "Colours: cluster, selected, length, quality."


HOSTILE = [
    '<img src=x onerror="alert(1)">',
    '<a href="javascript:alert(1)">click</a>',
    "</text><script>alert(1)</script>",
    "&lt;b&gt; & <b>bold</b><br>",
    "$\\frac{1}{0}$ and $x$",
    "<sup>" * 20,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text(name):
    """No angle bracket and no dollar reaches plotly; a reader of HTML sees the name, cut to its length."""
    figure = _figure(names={**NAMES, 0: name})
    shown = figure.data[0].name.removesuffix(" (10 / 10)")
    assert not set("<>$") & set(shown)
    assert html.unescape(shown) == (name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…")
    assert "<img" not in figure.to_json()
    (title,) = {trace.name for trace in _figure(judges={name: judge(name, SCORES)}, colour_by=name).data[1:]}
    assert title == shown


def test_an_ordinary_name_is_not_changed():
    """Letters of any script, commas and spaces stay; a name of the longest length is not cut."""
    for name in ("cats, dogs", "天气, 北京", "é" * LONGEST_NAME):
        assert plain(name) == name
    assert len(plain("a" * (LONGEST_NAME + 1))) == LONGEST_NAME


def test_more_clusters_than_colours_begin_again():
    """The forty-first cluster has the first colour."""
    labels = np.arange(40, dtype=np.int32) + 4
    figure = _figure(labels=labels, names={label: f"n{label}" for label in range(44)})
    assert [trace.marker.color for trace in figure.data] == [*ON_LIGHT, *ON_LIGHT[:4]]


def test_the_axes_have_one_scale_and_no_marks():
    """Distances on the map look alike in both directions, and its numbers mean nothing."""
    layout = _figure().layout
    assert (layout.xaxis.visible, layout.yaxis.visible, layout.yaxis.scaleanchor) == (False, False, "x")


def test_a_figure_survives_json():
    """What a notebook saves is read back as the same figure."""
    figure = _figure(chosen=CHOSEN, colour_by="quality")
    again = go.Figure(**{name: figure.to_dict()[name] for name in ("data", "layout")})
    assert again == figure
    assert len(figure.to_json()) > 1000


def _curve(scale):
    counts = np.array([1, 2, 4], dtype=np.int64)
    radius = (scale / counts).astype(np.float32)
    return Curve(counts, radius, radius / 2)


def test_a_curve_lies_over_the_band_of_the_random_draws():
    """The band goes from the lowest to the highest radius of the draws; the selection is a line."""
    figure = curve_figure(_curve(1.0), [_curve(2.0), _curve(4.0), _curve(3.0)])
    upper, lower, line = figure.data
    assert upper.y.tolist() == [4, 2, 1]
    assert lower.y.tolist() == [2, 1, 0.5]
    assert (lower.fill, lower.name) == ("tonexty", "3 random draws")
    assert line.y.tolist() == [1, 0.5, 0.25]
    assert figure.layout.yaxis.title.text == "covering radius (cosine distance)"


def test_one_random_draw_is_not_called_draws():
    """The legend agrees with its number."""
    assert curve_figure(_curve(1.0), [_curve(2.0)]).data[1].name == "1 random draw"


def test_a_curve_may_stand_alone():
    """Before the draws are measured there is the selection's line only."""
    assert [trace.name for trace in curve_figure(_curve(1.0), []).data] == ["selection"]
