"""The whole analysis, on a recording whose every beat is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beatlens.analysis import Settings, analyze
from beatlens.analysis.explaining import choose_beats
from beatlens.analysis.pipeline import STAGES
from beatlens.analysis.rhythm import Event
from beatlens.errors import ConfigurationError, RecordNotFoundError, SignalError, UnknownNameError
from beatlens.models.predictions import BeatPredictions
from beatlens.records import Record


def test_every_beat_is_found_and_classified(known_analysis, made_up):
    """One row a beat, at its time, with its class."""
    beats = known_analysis.beats
    np.testing.assert_allclose(beats["time_s"], np.cumsum([rr for rr, _ in made_up.RHYTHM]), atol=0.02)
    assert beats["class"].tolist() == [name for _, name in made_up.RHYTHM]
    assert list(beats.columns) == [
        "sample", "time_s", "class", "probability", "p_N", "p_S", "p_V", "abnormal", "rr_s", "judged", "uncertain", "reason",
    ]  # fmt: skip
    assert beats["probability"][20] == pytest.approx(0.9)
    assert np.isnan(beats["rr_s"][0])
    np.testing.assert_allclose(beats["rr_s"][1:], np.diff(beats["time_s"]))
    assert (beats["uncertain"].sum(), beats["reason"][3]) == (1, "in doubt")


def test_summary_counts_what_was_planted(known_analysis):
    """Couplets, runs, bigeminy, pauses, burden and rate are those of the made-up rhythm."""
    summary = known_analysis.summary
    assert summary.counts == {"N": 88, "S": 0, "V": 11}
    assert summary.burden_percent == {"S": 0, "V": pytest.approx(100 * 11 / 99)}
    assert summary.episodes == {"couplet": {"V": 1}, "run": {"V": 1}, "bigeminy": {"V": 1}}
    assert (summary.n_pauses, summary.n_uncertain, summary.n_abnormal, summary.unreadable_s) == (1, 1, 11, 0)
    assert summary.longest_pause.end_s - summary.longest_pause.start_s == pytest.approx(2.6, abs=0.02)
    assert summary.longest_run.n_beats == 4
    assert summary.longest_run.rate_bpm == pytest.approx(150, abs=2)
    assert summary.fastest_run == summary.longest_run
    assert summary.heart_rate.mean == pytest.approx(60 / np.diff(known_analysis.beats["time_s"]).mean())
    (hour,) = summary.hours
    assert (hour.start_s, hour.n_beats, hour.counts) == (0, 99, summary.counts)


def test_what_cannot_be_read_is_not_judged(made_up):
    """Beats in a gap are not found, those in noise have no class, and no interval leads across either."""
    record = made_up.make_record([(0.8, "N")] * 50)
    x = record.signal.copy()
    x[2500:3750] = np.nan
    x[5000:6250, 0] += np.random.default_rng(0).normal(0, 0.5, 1250)
    found = analyze(Record(x, record.fs, record.lead_names), model=made_up.WidthModel())
    assert [(span.start_s, span.end_s, span.reason) for span in found.spans] == [(10, 15, "gap"), (20, 25, "noise")]
    times = found.beats["time_s"]
    assert not ((times > 10.1) & (times < 14.9)).any()
    noisy = (times >= 20) & (times < 25)
    assert noisy.any()
    assert (found.beats["class"][noisy] == "").all()
    assert found.beats["probability"][noisy].isna().all()
    assert found.not_judged == {"noise as large as the waves": int(noisy.sum())}
    assert found.summary.n_judged == (~noisy).sum()
    assert found.summary.n_pauses == 0


@pytest.mark.parametrize("signal", [np.zeros((2500, 1)), np.full((2500, 1), np.nan), np.zeros((10, 1))])
def test_a_dead_recording_is_refused_in_a_sentence(signal, made_up):
    """Flat, empty or too short: said, not answered with an empty report."""
    with pytest.raises(SignalError, match="must"):
        analyze(Record(signal.astype(np.float32), 250.0, ("II",)), model=made_up.WidthModel())


def test_no_beats_is_an_answer(made_up):
    """No beats, no rate, no error."""
    record = made_up.make_record([(0.8, "N")] * 5)
    found = analyze(record, model=made_up.WidthModel(), r_samples=[])
    assert (found.summary.n_beats, found.summary.heart_rate.mean, found.events) == (0, None, ())


def test_stages_are_told_in_order(made_up):
    """The progress goes through every stage, once and in order."""
    told = []
    analyze(
        made_up.make_record([(0.8, "N")] * 8), model=made_up.WidthModel(), progress=lambda stage, _share: told.append(stage)
    )
    assert list(dict.fromkeys(told)) == list(STAGES)


@pytest.mark.parametrize(("wanted", "ordered"), [((), ("MLII", "V5", "V1")), (("V1", "V5"), ("V1", "V5"))])
def test_leads_come_in_the_order_of_their_use(wanted, ordered, made_up):
    """The usual rhythm lead first and no lead lost, unless leads were asked for; each keeps its own signal."""
    x = made_up.make_record([(0.8, "N")] * 15).signal
    record = Record(np.concatenate([0.9 * x, x, 0.8 * x], axis=1), 250.0, ("V5", "MLII", "V1"))
    found = analyze(record, model=made_up.WidthModel(), leads=wanted).record
    assert sorted(found.lead_names) == sorted(ordered)
    assert found.lead_names[0] == ordered[0]
    for name in ordered:
        np.testing.assert_array_equal(found.lead(name), record.lead(name))


def test_a_lead_that_is_not_there_is_said(made_up):
    """An unknown lead is refused by name."""
    with pytest.raises(RecordNotFoundError, match="no lead 'V9'"):
        analyze(made_up.make_record([(0.8, "N")] * 8), model=made_up.WidthModel(), leads=("V9",))


def test_an_unknown_model_is_said(made_up):
    """An unknown model is refused by name."""
    with pytest.raises(UnknownNameError, match="no model 'seed-lstn'"):
        analyze(made_up.make_record([(0.8, "N")] * 8), model="seed-lstn")


def predictions_of(letters, certainty, uncertain=()):
    classes = np.array(["" if letter == "." else letter for letter in letters])
    names = ("N", "V")
    probabilities = np.array(
        [[c, 1 - c] if letter == "N" else [1 - c, c] for letter, c in zip(letters, certainty, strict=True)]
    )
    probabilities[classes == ""] = np.nan
    doubt = np.isin(np.arange(len(letters)), uncertain)
    return BeatPredictions(names, classes, probabilities, 1 - probabilities[:, 0], doubt, ("",) * len(letters))


def test_chosen_beats_are_the_certain_the_first_of_runs_and_the_doubtful():
    """Each with its reason, in the order of time, and never one that was not judged."""
    predictions = predictions_of("NVVV.NVN", [0.9, 0.7, 0.95, 0.8, 0.99, 0.97, 0.9, 0.52], uncertain=(4, 7))
    run = Event("run", "V", 1, 3, 1.0, 3.0, 3, 60.0)
    chosen = choose_beats(predictions, [run], 12)
    assert chosen == {
        1: "the first of a run of 3 V beats",
        2: "the most certain V beat",
        5: "the most certain N beat",
        6: "among the most certain V beats",
        7: "among the most doubtful",
    }
    assert list(choose_beats(predictions, [run], 2)) == [2, 5]
    assert choose_beats(predictions, [run], 0) == {}


def test_a_model_that_cannot_be_explained_says_so(known_analysis, made_up):
    """No made-up explanation: none, and a note."""
    found = analyze(known_analysis.record, model=made_up.WidthModel(), settings=Settings(explanations=3))
    assert found.explained == ()
    assert "no way yet to explain the model width" in found.notes[-1]


def test_seed_lstm_is_explained(made_up):
    """The chosen beats come with attributions of their windows and a sentence, from a network of the seed's architecture."""
    found = analyze(
        made_up.make_record([(0.8, "N")] * 12), model=made_up.untrained_seed_lstm(), settings=Settings(explanations=2)
    )
    assert 1 <= len(found.explained) <= 2
    for each in found.explained:
        row = found.beats.iloc[each.beat]
        assert each.explanation.attribution.shape == (180, 1)
        assert np.abs(each.explanation.attribution).max() > 0
        assert each.explanation.predicted == row["class"]
        assert each.explanation.sample == row["sample"]
        assert each.explanation.sentence.startswith("Called ")


@pytest.mark.parametrize("fs", [100.0, 128.0, 500.0, 2000.0])
@pytest.mark.parametrize("n_leads", [1, 12])
def test_any_rate_and_number_of_leads(fs, n_leads, made_up):
    """From 100 to 2000 Hz, from one lead to twelve: every beat is found where it was planted."""
    beats = [(0.8, "N")] * 18
    one = made_up.make_record(beats, fs=fs)
    names = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")[:n_leads]
    found = analyze(Record(np.repeat(one.signal, n_leads, axis=1), fs, names), model=made_up.WidthModel())
    np.testing.assert_allclose(found.beats["time_s"], np.cumsum([rr for rr, _ in beats]), atol=0.02)
    assert found.summary.counts == {"N": 18, "S": 0, "V": 0}


def test_five_seconds_are_enough(made_up):
    """A strip of five seconds has beats, a rate, and classes."""
    found = analyze(made_up.make_record([(0.8, "N")] * 5), model=made_up.WidthModel())
    assert found.summary.n_judged == 5
    assert found.summary.heart_rate.mean == pytest.approx(75, abs=1)


def test_a_lead_that_falls_off_leaves_the_other(made_up):
    """With two leads, beats go on being judged where one of them is lost."""
    record = made_up.make_record([(0.8, "N")] * 50)
    x = np.concatenate([record.signal, 0.9 * record.signal], axis=1)
    x[2500:5000, 0] = 0
    found = analyze(Record(x, record.fs, ("II", "V5")), model=made_up.WidthModel())
    assert found.spans == ()
    assert found.summary.n_beats == 50


def test_a_beat_is_explained_by_its_place(made_up):
    """From the end, too; a place that does not exist is one sentence, and so is a beat that was not judged."""
    import beatlens as bl

    found = analyze(
        made_up.make_record([(0.8, "N")] * 12), model=made_up.untrained_seed_lstm(), settings=Settings(explanations=0)
    )
    last = len(found.beats) - 2
    assert bl.explain(found, beat=last, method="saliency").sample == found.beats["sample"][last]
    assert bl.explain(found, last - len(found.beats), method="saliency").sample == found.beats["sample"][last]
    with pytest.raises(ConfigurationError, match="'beat' must be less than"):
        bl.explain(found, beat=len(found.beats))
    unread = found.beats.assign(judged=False, reason="the signal is missing")
    with pytest.raises(SignalError, match="beat 1 of made up was not judged: the signal is missing"):
        bl.explain(replace(found, beats=unread), beat=1)
