"""Gallery: the shapes of the beats, class by class."""

from __future__ import annotations

from beatlens.app.ui import clusters, frame
from beatlens.app.ui.session import require


def show() -> None:
    """Show the page."""
    now = require()
    frame.show_title("Gallery", "Beats of one class that look alike, in the first lead: the mean, with one standard deviation.")
    frame.show_now(now)
    clusters.show_clusters(now)


if __name__ == "__main__":
    show()
