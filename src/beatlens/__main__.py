"""``python -m beatlens``."""

from beatlens.cli import main

if __name__ == "__main__":
    main()
