"""What MkDocs asks of us while it builds the site: leaves out pages that are not there, writes the reference, cleans marks."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

from blocks import NEEDS, split_info
from reference import generated_files

DOCS = Path(__file__).parents[1]
FENCE = re.compile(r"^(\s*)(`{3,})([\w-]+)[ \t]+(\S.*)$", re.MULTILINE)


def on_files(files: Files, *, config: Any) -> Files:
    """Add the generated pages, and drop from the navigation what is not there."""
    for name, text in generated_files().items():
        files.append(File.generated(config, name, content=text))
    there = {file.src_uri for file in files.documentation_pages()}
    config.nav = keep(config.nav, there)
    listed = {name for _, name in titles(config.nav)}
    add_unlisted(config.nav, sorted(there - listed))
    return files


def keep(entries: list[Any], there: set[str]) -> list[Any]:
    """Return the entries of a navigation whose pages exist; a section without pages goes too."""
    kept: list[Any] = []
    for entry in entries:
        if isinstance(entry, str):
            kept += [entry] if entry in there else []
            continue
        ((title, target),) = entry.items()
        inner = keep(target, there) if isinstance(target, list) else target
        if inner and (isinstance(inner, list) or inner in there):
            kept.append({title: inner})
    return kept


def add_unlisted(entries: list[Any], pages: list[str]) -> None:
    """Put every page that is not listed at the end of the section whose first page lies in the same folder."""
    for entry in entries:
        target = next(iter(entry.values())) if isinstance(entry, dict) else None
        if isinstance(target, list):
            folder = target[0].rpartition("/")[0] if isinstance(target[0], str) else None
            target.extend(name for name in pages if name.rpartition("/")[0] == folder)
            add_unlisted(target, pages)


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """List the pages of a section where its first page asks for it; turn the marks of blocks into titles for readers."""
    if "<!-- pages -->" in markdown:
        folder = page.file.src_uri.rpartition("/")[0]
        listed = [entry for entry in titles(config.nav) if entry[1].startswith(f"{folder}/") and entry[1] != page.file.src_uri]
        lines = [f"* [{title}]({name.rpartition('/')[2]}): {first_sentence(name)}" for title, name in listed]
        markdown = markdown.replace("<!-- pages -->", "\n".join(lines))

    def clean(found: re.Match[str]) -> str:
        marks = split_info(found[4])
        title = NEEDS.get(marks.get("needs", ""), "")
        told = f' title="{title}"' if title else ""
        return f"{found[1]}{found[2]}{found[3]}{told}"

    return FENCE.sub(clean, markdown)


def titles(entries: list[Any]) -> list[tuple[str, str]]:
    """Return title and page of every entry of a navigation, in its order."""
    found: list[tuple[str, str]] = []
    for entry in entries:
        if isinstance(entry, str):
            found.append((heading(entry), entry))
            continue
        ((title, target),) = entry.items()
        found += titles(target) if isinstance(target, list) else [(title, target)]
    return found


def heading(name: str) -> str:
    """Return the heading of a page; its name if the page is made while the site is built."""
    path = DOCS / name
    found = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) if path.is_file() else None
    return found[1] if found else name


def first_sentence(name: str) -> str:
    """Return the first sentence of a page's first paragraph of prose."""
    text = re.sub(r"```.*?```", "", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    for part in re.split(r"\n\s*\n", text):
        if re.match(r"[A-Z`\[*]", part.strip()):
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(part.split()))
            return re.split(r"(?<=[.:?!])\s+(?=[A-Z`])", plain)[0].rstrip(":") + ("." if plain.endswith(":") else "")
    return ""
