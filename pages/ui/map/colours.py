"""The colours of the legend, for what stands beside the map."""

from __future__ import annotations

from collections.abc import Sequence

from core.palette import ON_DARK, ON_LIGHT

GREY = {False: "8c929b", True: "7c838d"}  # of noise, and of all clusters while the map shows something else


def cluster_colours(labels: Sequence[int], *, dark: bool, by_cluster: bool) -> list[str]:
    """Six hexadecimal digits for each cluster of the legend, in its order, on a dark or light page."""
    palette = ON_DARK if dark else ON_LIGHT
    return [
        palette[place % len(palette)].removeprefix("#") if by_cluster and label >= 0 else GREY[dark]
        for place, label in enumerate(labels)
    ]
