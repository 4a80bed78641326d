"""The manifest: for every source of a batch what became of it, and under which identity its shards lie.

One JSON document a line. It spares the next run to read the sources again, and can be lost: the
summary rows hold all that matters.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from beatlens.batch.one import DONE, FAILED, Outcome
from beatlens.batch.places import Place
from beatlens.batch.shards import RECORDINGS, ShardStore
from beatlens.batch.sources import Source

NAME: Final = "manifest.jsonl"


@dataclass(frozen=True)
class Entry:
    """What became of one source.

    Parameters
    ----------
    source, name : str
        Where it lies, and what it is called in tables.
    stamp : str
        `Source.stamp` when it was analysed: while it is the same, the files are not read again.
    identity : str
        Name of its shards.
    status : str
        `beatlens.batch.one.DONE` or `FAILED`.
    asked : str
        Stands for the model, the settings and the version, see `digest`.
    reason : str
        Why it failed.
    same_as : str
        Another source of the same content, whose shards these are; empty if there is none.
    final : bool
        Whether a failure is one of the content, which trying again cannot change.
    """

    source: str
    name: str
    stamp: str
    identity: str
    status: str
    asked: str
    reason: str = ""
    same_as: str = ""
    final: bool = True


@dataclass
class Manifest:
    """The entries by source.

    Parameters
    ----------
    entries : dict of str to Entry
    rebuilt : bool
        Whether it had to be made from the summary rows.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    rebuilt: bool = False

    def __post_init__(self) -> None:
        self._users: dict[str, set[str]] = {}
        for entry in self.entries.values():
            self._users.setdefault(entry.identity, set()).add(entry.source)

    def record(self, source: Source, outcome: Outcome, asked: str) -> str:
        """Note what became of a source; return the identity whose shards nothing refers to any more, or an empty text.

        Parameters
        ----------
        source : Source
        outcome : Outcome
        asked : str
            From `digest`.
        """
        others = self._users.setdefault(outcome.identity, set())
        first = next((each for each in others if each != source.url and not self.entries[each].same_as), "")
        entry = Entry(
            source.url,
            source.name,
            source.stamp,
            outcome.identity,
            FAILED if outcome.status == FAILED else DONE,
            asked,
            outcome.reason,
            same_as=first,
            final=bool(outcome.content),
        )
        before = self.entries.get(source.url)
        self.entries[source.url] = entry
        others.add(source.url)
        if before is None or before.identity == outcome.identity:
            return ""
        self._users[before.identity].discard(source.url)
        return "" if self._users[before.identity] else before.identity

    def identities(self) -> set[str]:
        """Return the identities that some source refers to."""
        return {identity for identity, users in self._users.items() if users}

    def save(self, place: Place) -> None:
        """Write it, whole."""
        lines = [json.dumps(asdict(entry), ensure_ascii=False) for entry in self.entries.values()]
        place.write(NAME, "".join(f"{line}\n" for line in lines).encode())


def digest(described: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits that stand for what `beatlens.batch.identity.Wanted.describe` returns."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]


def load_manifest(store: ShardStore) -> Manifest:
    """Read the manifest, or make it anew from the summary rows if it is lost or damaged.

    Parameters
    ----------
    store : ShardStore
    """
    content = store.place.read(NAME)
    if content is not None:
        try:
            entries = [Entry(**json.loads(line)) for line in content.decode("utf-8").splitlines()]
            return Manifest({entry.source: entry for entry in entries})
        except (ValueError, TypeError, KeyError):
            pass  # damaged: as if it were lost
    return rebuild_manifest(store)


def rebuild_manifest(store: ShardStore) -> Manifest:
    """Make the manifest from the summary rows; stamps are not known then, so that sources are read again, but not analysed."""
    newest: dict[str, tuple[str, Entry]] = {}
    for identity in sorted(store.identities(RECORDINGS)):
        row = store.read_row(identity)
        if row is None:
            store.remove([identity])  # a damaged row counts for nothing
            continue
        entry = Entry(
            row["source"],
            row["name"],
            "",
            identity,
            row["status"],
            digest(json.loads(row["asked"])),
            row["reason"] or "",
            final=bool(row["content_sha256"]),
        )
        newest[entry.source] = max(newest.get(entry.source, ("", entry)), (row["analysed_at"], entry), key=lambda each: each[0])
    return Manifest({source: entry for source, (_, entry) in newest.items()}, rebuilt=True)
