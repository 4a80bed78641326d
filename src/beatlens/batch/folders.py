"""Results as folders with reports, one a recording: what ``beatlens analyze`` writes for several files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from beatlens._io import safe_name
from beatlens.analysis.result import Analysis
from beatlens.batch.one import KEPT, Outcome
from beatlens.batch.sources import Source

MARK: Final = "source.json"
"""The file that says what a folder was made from; a folder without it was not made by a batch."""

_LEFTOVER: Final = re.compile(r"\.(.+)\.[0-9a-f]{8}")
_PROMISED: Final = ("report.html", "analysis.json", "beats.csv", MARK)


@dataclass(frozen=True)
class FolderStore:
    """One folder a recording, each as `beatlens.reports.saving.save_analysis` writes it.

    Parameters
    ----------
    targets : dict of str to Path
        The folder of each recording, by `Source.url`.
    force : bool
        Replace an earlier analysis that was made otherwise.
    """

    targets: dict[str, Path]
    force: bool = False

    def find(self, identity: str, source: Source) -> Outcome | None:
        """Return what the recording's folder says it holds, if that is the analysis asked for and nothing is missing."""
        target = self.targets[source.url]
        try:
            held = json.loads((target / MARK).read_text(encoding="utf-8"))
            if held["identity"] != identity or not all((target / name).is_file() for name in _PROMISED):
                return None
            return replace(Outcome(**held), status=KEPT, source=source.url, name=source.name, output=str(target))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, outcome: Outcome, analysis: Analysis) -> str:
        """Write the folder, with what it was made from in it; it appears when it is whole.

        Raises
        ------
        OutputError
            If the place holds something else, or cannot be written.
        """
        from beatlens.reports.saving import save_analysis

        target = self.targets[outcome.source]
        mark = dataclasses.asdict(replace(outcome, output=str(target)))
        return str(save_analysis(analysis, target, force=self.force, beside={MARK: mark}))

    def save_failure(self, outcome: Outcome) -> None:
        """Keep nothing: a failure is tried again the next time."""

    def remove_leftovers(self) -> None:
        """Remove what runs that were killed had begun to write: ``.NAME.`` and eight digits, beside ``NAME``."""
        names = {(target.parent, target.name) for target in self.targets.values()}
        for parent in {parent for parent, _ in names}:
            for entry in parent.glob(".*") if parent.is_dir() else ():
                name = _LEFTOVER.fullmatch(entry.name)
                if name and (parent, name[1]) in names:
                    shutil.rmtree(entry, ignore_errors=True)


def name_targets(sources: Sequence[Source], folder: Path) -> dict[str, Path]:
    """Return a folder for each recording: named after its path, and never the same for two of them.

    Parameters
    ----------
    sources : sequence of Source
    folder : Path
        The folder that they lie in.
    """
    names = {source.url: safe_name(source.name) for source in sources}
    often = Counter(name.lower() for name in names.values())
    for url, name in names.items():
        if often[name.lower()] > 1:  # the same, or the same to a file system that does not see capitals
            names[url] = f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    return {url: folder / name for url, name in names.items()}
