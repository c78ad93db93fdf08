"""Colours of clusters: the same in every face.

The first seven are Okabe and Ito's, safe for the colour-blind; each further one is the farthest in Oklab from
all before it, as seen with normal, protan and deutan vision. After the last they begin again.
"""

from __future__ import annotations

ON_LIGHT = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#c9b400", "#5a1e00",
    "#3c0087", "#962d5a", "#1ee1a5", "#8778f0", "#964b00", "#69004b", "#3c3cb4", "#0fe1f0",
    "#693c87", "#96b478", "#965a78", "#782d2d", "#c33c4b", "#5ac3b4", "#a5d269", "#4b96d2",
    "#4b5ad2", "#003c69", "#d2873c", "#e15a5a", "#8796ff", "#a53c96", "#2d5a69", "#87c3ff",
    "#5a1e96", "#4b78d2", "#7878a5", "#961e00", "#5a693c", "#78871e", "#ffa5d2", "#69a5c3",
)  # fmt: skip
ON_DARK = (
    "#2b93d6", "#e69f00", "#00b386", "#e8702a", "#7cc8f2", "#d98bb6", "#f0e442", "#a53c2d",
    "#694bc3", "#00ffd2", "#3c6987", "#a5d287", "#d24b4b", "#78a5ff", "#b42d69", "#a5ff96",
    "#5a78f0", "#5af0ff", "#e1b4c3", "#7869b4", "#e1c32d", "#69c369", "#00b4d2", "#a578b4",
    "#966900", "#78a55a", "#8787ff", "#873ca5", "#b43c96", "#78784b", "#875ad2", "#00d2a5",
    "#c3e1a5", "#0fe1e1", "#b4e169", "#879600", "#c369d2", "#699669", "#966978", "#96b4ff",
)  # fmt: skip
NOISE = "#b0b0b0"
