"""Hands over to the app: see ``docs/decisions/0007-deep-links.md``."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parents[1] / "app.py"), run_name="__main__")
