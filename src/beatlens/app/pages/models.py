"""Models: what each is, what it was measured to do, and which one to use."""

from __future__ import annotations

from beatlens.app.ui import cards, frame


def show() -> None:
    """Show the page."""
    frame.show_title("Models", "What each model is, what it saw, how it did, and where it fails.")
    cards.show_models()


if __name__ == "__main__":
    show()
