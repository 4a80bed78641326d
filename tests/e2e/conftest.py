"""The app as a person meets it: started by its command, and used in a real browser."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

CHROMIUM = next((path for path in (os.environ.get("CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium")) if path), "")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PATIENCE_S = 240
"""A machine that does much else at once may be slow; a journey that is right ends long before."""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Debian's Chromium; the test is skipped without it.

    Not for the whole session: Playwright keeps an event loop running in this thread, in which other tests cannot start theirs.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright for Python is not installed")
    if not Path(CHROMIUM).is_file():
        pytest.skip("there is no Chromium at /usr/bin/chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The address of a running app, with a database of corrections of its own."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "BEATLENS_DATA_HOME": str(home)}
    with (home / "log").open("w") as log:
        command = [sys.executable, "-m", "beatlens", "app", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_up(process, port, home / "log")
            yield SimpleNamespace(url=f"http://127.0.0.1:{port}", home=home, process=process)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the app ended at once: {log.read_text()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):  # it is looked at again when it ends, or in a moment
                process.wait(timeout=0.3)
    pytest.fail(f"the app did not start: {log.read_text()}")


@pytest.fixture
def page(browser: object, app: SimpleNamespace) -> Iterator[object]:
    """A page of a new reader; every request that would leave this machine is noted in ``page.strangers``."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    new = context.new_page()
    new.set_default_timeout(1000 * PATIENCE_S)
    new.strangers = []
    new.on("request", lambda request: _note(request.url, app.url, new.strangers))
    new.goto(app.url)
    yield new
    assert new.strangers == []
    context.close()


def _note(url: str, own: str, strangers: list[str]) -> None:
    if not url.startswith((own, own.replace("http", "ws"), "data:", "blob:")):
        strangers.append(url)
