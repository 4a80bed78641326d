"""Compare: reference annotations beside the model's beats."""

from __future__ import annotations

from beatlens.app.ui import differing, frame
from beatlens.app.ui.session import require


def show() -> None:
    """Show the page."""
    now = require()
    frame.show_title("Compare", "The annotations that came with the recording, beside what the model says.")
    differing.show_comparison(now)


if __name__ == "__main__":
    show()
