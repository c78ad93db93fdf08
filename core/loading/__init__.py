"""A file becomes a ``Dataset``: read, recognised, checked, with every problem counted."""

from core.loading.dataset import load
from core.loading.sources import allowed_path, keep

__all__ = ["allowed_path", "keep", "load"]
