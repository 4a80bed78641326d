"""An analysis in words: times, numbers and the sentences that open a report."""

from __future__ import annotations

import datetime as dt

from beatlens.analysis.result import Analysis
from beatlens.analysis.rhythm import NORMAL
from beatlens.explain.words import join_words
from beatlens.reports.style import class_style

_NAMES = {
    "couplet": ("couplet", "couplets"),
    "run": ("run", "runs"),
    "bigeminy": ("stretch of bigeminy", "stretches of bigeminy"),
    "pause": ("pause", "pauses"),
    "beat": ("beat", "beats"),
}


def write_count(number: int, what: str) -> str:
    """Return a number and what is counted, in the right form.

    Examples
    --------
    >>> write_count(1, "run"), write_count(1200, "beat")
    ('1 run', '1,200 beats')
    """
    one, many = _NAMES[what]
    return f"{number:,} {one if number == 1 else many}"


def write_percent(percent: float) -> str:
    """Return a percentage with no more digits than it deserves, and never a small number as nothing.

    Examples
    --------
    >>> write_percent(22.8), write_percent(0.02), write_percent(0.0), write_percent(99.97)
    ('22.8 %', '< 0.1 %', '0 %', '> 99.9 %')
    """
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"


def write_duration(seconds: float) -> str:
    """Return a length of time in words.

    Examples
    --------
    >>> write_duration(7.25), write_duration(300), write_duration(86399)
    ('7.2 s', '5 min', '23 h 59 min 59 s')

    Days are counted from two on: a day's recording has 24 hours.
    """
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    days = whole // 86400 if whole >= 2 * 86400 else 0
    parts = ((days, "d"), (whole // 3600 - 24 * days, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    return " ".join(f"{value} {unit}" for value, unit in parts if value)


def write_time(seconds: float, start: dt.datetime | None = None, *, tenths: bool = False) -> str:
    """Return an instant of a recording: the time of day where its start is known, else the time since its start.

    Examples
    --------
    >>> write_time(75.26, tenths=True), write_time(3675.0)
    ('1:15.3', '1:01:15')
    >>> write_time(75.0, dt.datetime(2020, 1, 1, 23, 59))
    '00:00:15'
    """
    ticks = round(seconds * 10) if tenths else round(seconds) * 10
    if start is not None:
        moment = start + dt.timedelta(seconds=ticks / 10)
        return f"{moment:%H:%M:%S}" + (f".{moment.microsecond // 100000}" if tenths else "")
    minutes, rest = divmod(ticks, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}" + (f".{rest % 10}" if tenths else "")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def describe_analysis(analysis: Analysis) -> tuple[str, ...]:
    """Return the analysis in a few sentences: beats and rate, ectopy, pauses, what could not be read, doubt."""
    summary = analysis.summary
    if not summary.n_beats:
        return (f"No heartbeat was found in {write_duration(summary.duration_s)} of recording.", _describe_unread(analysis))
    rate = summary.heart_rate
    beats = f"{write_count(summary.n_beats, 'beat')} in {write_duration(summary.duration_s)}"
    if rate.mean is not None:
        beats += f", at a mean rate of {rate.mean:.0f} beats per minute ({rate.lowest:.0f} to {rate.highest:.0f})"
    sentences = [f"{beats}.", *_describe_classes(analysis), *_describe_episodes(analysis), _describe_pauses(analysis)]
    sentences.append(_describe_unread(analysis))
    if summary.n_uncertain:
        sentences.append(f"The model was in doubt about {write_count(summary.n_uncertain, 'beat')}.")
    return tuple(sentence for sentence in sentences if sentence)


def _describe_classes(analysis: Analysis) -> list[str]:
    summary = analysis.summary
    found = [
        f"{summary.counts[name]:,} {class_style(name).name} ({write_percent(share)})"
        for name, share in summary.burden_percent.items()
        if summary.counts[name]
    ]
    normal = sum(count for name, count in summary.counts.items() if name in NORMAL)
    if not summary.n_judged:
        return ["None of them could be classified."]
    if not found:
        return [f"All {summary.n_judged:,} that were classified were called normal."]
    return [f"{normal:,} were called normal; {join_words(found)}."]


def _describe_episodes(analysis: Analysis) -> list[str]:
    summary, start = analysis.summary, analysis.record.start_time
    parts = [
        f"{write_count(number, kind)} ({name})"
        for kind in ("run", "couplet", "bigeminy")
        for name, number in summary.episodes[kind].items()
    ]
    if not parts:
        return ["No runs, couplets or bigeminy."] if summary.n_judged else []
    sentences = [f"There {'was' if parts[0].startswith('1 ') else 'were'} {join_words(parts)}."]
    longest, fastest = summary.longest_run, summary.fastest_run
    if longest is not None and longest.rate_bpm is not None:
        at = write_time(longest.start_s, start)
        sentences.append(f"The longest run had {longest.n_beats} beats at {longest.rate_bpm:.0f} per minute (at {at}).")
    if fastest is not None and fastest is not longest and fastest.rate_bpm is not None:
        at = write_time(fastest.start_s, start)
        sentences.append(f"The fastest run had {fastest.n_beats} beats at {fastest.rate_bpm:.0f} per minute (at {at}).")
    return sentences


def _describe_pauses(analysis: Analysis) -> str:
    summary, limit = analysis.summary, f"{analysis.settings.pause_s:g} s"
    longest = summary.longest_pause
    if longest is None:
        return f"No pause of {limit} or longer."
    at = write_time(longest.start_s, analysis.record.start_time)
    length = f"{longest.end_s - longest.start_s:.1f} s (at {at})"
    if summary.n_pauses == 1:
        return f"There was 1 pause of {limit} or longer: {length}."
    return f"There were {summary.n_pauses:,} pauses of {limit} or longer, the longest {length}."


def _describe_unread(analysis: Analysis) -> str:
    summary = analysis.summary
    if not summary.unreadable_s:
        return "The whole recording could be read."
    share = write_percent(100 * summary.unreadable_s / summary.duration_s)
    return f"{write_duration(summary.unreadable_s)} ({share}) of the recording could not be read."
