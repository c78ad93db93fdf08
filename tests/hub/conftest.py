"""The fixtures of the stand-in."""

from small_export import exported, hub

__all__ = ["exported", "hub"]
