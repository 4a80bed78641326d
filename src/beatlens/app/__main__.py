"""The process of the app: Streamlit's own command, and what the first page needs, read in while the browser still opens."""

from __future__ import annotations

from beatlens.app import warming


def main() -> None:
    """Run Streamlit's command with the arguments of this process."""
    from streamlit.web.cli import main as streamlit

    warming.begin()
    streamlit(prog_name="streamlit")


if __name__ == "__main__":
    main()
