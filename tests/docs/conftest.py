"""The scripts of the documentation, as modules."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

for folder in (DOCS / "tools", DOCS / "pictures"):
    sys.path.insert(0, str(folder))
