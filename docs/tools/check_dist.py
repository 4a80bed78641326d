"""Build wheel and source archive, install each where the source is not, and run it there.

    python docs/tools/check_dist.py [--python python3.13 ...] [--out dist]

For each Python a fresh environment is made in a temporary folder, the wheel is installed into it (and, with the first Python,
the source archive too), and outside of the repository the command prints its version, reads its own weights, and analyses the
recording that comes with the package. What it needs is fetched from the package index that pip is set up for.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
MUST_HOLD = ("beatlens/py.typed", "beatlens/models/weights/rhythm-lstm.keras", "beatlens/models/weights/seed-lstm.json")
MUST_NOT_HOLD = ("tests/", "docs/", "benchmarks/")


def run(*words: str | Path, where: Path) -> str:
    """Run a program without any trace of this environment; return what it prints."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME", "BEATLENS_DATA"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(  # noqa: S603
        [str(word) for word in words], cwd=where, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, words))} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def build(out: Path) -> tuple[Path, Path]:
    """Return the wheel and the source archive, built as a package installer would, and look into both."""
    run(sys.executable, "-m", "build", "--outdir", out, ROOT, where=ROOT)
    wheel = max(out.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    archive = max(out.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    held = zipfile.ZipFile(wheel).namelist()
    missing = [name for name in MUST_HOLD if name not in held]
    wrong = [name for name in held if name.startswith(MUST_NOT_HOLD)]
    with tarfile.open(archive) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    missing += [name for name in ("README.md", "mkdocs.yml", "tests/conftest.py", "src/beatlens/_tag.py") if name not in inside]
    if missing or wrong:
        sys.exit(f"error: the packages lack {missing} and must not hold {wrong}")
    return wheel, archive


def install(python: Path, package: Path, *, where: Path) -> None:
    """Install with uv, which keeps what it has fetched; with pip where uv is missing or cannot reach the package index."""
    uv = Path(sys.executable).with_name("uv")
    if uv.is_file():
        words = [uv, "pip", "install", "--quiet", "--python", python, package]
        if subprocess.run([str(word) for word in words], cwd=where, capture_output=True, check=False).returncode == 0:  # noqa: S603
            return
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package, where=where)


def smoke(python: str, package: Path) -> str:
    """Install a package into a fresh environment and use it; return Python's and the package's version."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(python, "-m", "venv", folder / "venv", where=folder)
        bin_folder = folder / "venv" / "bin"
        install(bin_folder / "python", package, where=folder)
        place = run(bin_folder / "python", "-c", "import beatlens; print(beatlens.__file__)", where=folder)
        if not place.startswith(str(folder)):
            sys.exit(f"error: the package was taken from {place}")
        version = run(bin_folder / "beatlens", "--version", where=folder).strip()
        run(bin_folder / "beatlens", "models", "list", where=folder)
        run(bin_folder / "beatlens", "analyze", "--out", folder / "report", "--explanations", "2", where=folder)
        report = folder / "report" / "report.html"
        if not report.is_file():
            sys.exit("error: no report was written")
        return f"{run(python, '--version', where=folder).strip()}, {version}, report of {report.stat().st_size // 1000} kB"


def main() -> None:
    """Build and try."""
    parser = argparse.ArgumentParser(description="Build the packages and try them where the source is not.")
    parser.add_argument("--python", nargs="*", default=[sys.executable], help="interpreters to try")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    wheel, archive = build(options.out.resolve())
    print(f"built {wheel.name} ({wheel.stat().st_size // 1000} kB) and {archive.name} ({archive.stat().st_size // 1000} kB)")
    for place, python in enumerate(options.python):
        print(f"wheel: {smoke(python, wheel)}", flush=True)
        if place == 0:
            print(f"source archive: {smoke(python, archive)}", flush=True)


if __name__ == "__main__":
    main()
