"""The app: what stands around every page, and navigation."""

from pages.ui import frame

frame.show()
# Only now: the browser draws and fetches while these import the rest of the app.
from pages.ui import navigation, state  # noqa: E402

state.start()
page = navigation.shown(
    {
        "Prepare": [
            ("pages/prepare/load.py", "Load", "upload_file"),
            ("pages/prepare/health.py", "Health", "health_and_safety"),
        ],
        "Judge": [
            ("pages/judge/score.py", "Score", "gavel"),
            ("pages/judge/trust.py", "Trust", "balance"),
            ("pages/judge/review.py", "Review", "rate_review"),
        ],
        "Curate": [
            ("pages/curate/explore.py", "Explore", "scatter_plot"),
            ("pages/curate/plane.py", "How many", "grid_on"),
            ("pages/curate/compare.py", "Compare", "compare"),
            ("pages/curate/scenes.py", "Scenes", "photo_library"),
            ("pages/curate/present.py", "Present", navigation.HIDDEN),
        ],
        "Share": [("pages/share/export.py", "Export", "ios_share")],
    }
)
state.enter(page.url_path)
page.run()
state.arrived(page.url_path)
