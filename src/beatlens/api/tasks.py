"""What a worker process can do, and the loop in which it does so: ``python -m beatlens.api.tasks MODEL``.

Tasks come in as lines of JSON on standard input; progress and results go out as lines of JSON on standard output. Whatever a
package prints goes to standard error.
"""

from __future__ import annotations

import base64
import json
import logging
import math
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from beatlens._io import write_json, write_text
from beatlens.analysis.explaining import explain_chosen
from beatlens.analysis.pipeline import STAGES, analyze
from beatlens.analysis.result import Analysis
from beatlens.analysis.settings import Settings
from beatlens.analysis.stream import BeatStream, StreamedBeat
from beatlens.api.problems import RequestError, problem_of
from beatlens.errors import BeatlensError
from beatlens.models.registry import load_model
from beatlens.records import Record, read
from beatlens.reports.document import make_document
from beatlens.reports.fhir import make_bundle
from beatlens.reports.page import render_report
from beatlens.reports.tables import write_annotations, write_csv

log = logging.getLogger("beatlens.api")

Tell = Callable[[str, float], None]
_SIGNAL: Final = "signal.npy"
_find_model = cache(load_model)
_streams: dict[str, BeatStream] = {}


def run_analysis(task: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Analyse the recording at ``path`` and write what is found to the folder ``out``."""
    chosen = task["options"]
    tell("reading", 0.0)
    record = read(Path(task["path"]), fs=chosen["fs"], unit=chosen["unit"], start_s=chosen["start_s"], end_s=chosen["end_s"])
    settings = Settings(explanations=chosen["explanations"], method=chosen["method"], pause_s=chosen["pause_s"])
    stages = (*STAGES, "writing")

    def share(stage: str, done: float) -> None:
        tell(stage, (stages.index(stage) + done) / len(stages))

    analysis = analyze(
        replace(record, name=chosen["name"]),
        model=_find_model(chosen["model"]),
        leads=tuple(chosen["leads"]),
        settings=settings,
        progress=share,
    )
    share("writing", 0.0)
    write_outputs(analysis, Path(task["out"]))
    return {}


def write_outputs(analysis: Analysis, folder: Path) -> None:
    """Write the files that the API hands out, and the signal for explanations that are asked for later."""
    folder.mkdir(parents=True)
    write_text(folder / "report.html", render_report(analysis))
    write_json(folder / "analysis.json", make_document(analysis))
    write_json(folder / "fhir.json", make_bundle(analysis))
    write_csv(folder / "beats.csv", analysis.beats)
    write_annotations(folder, analysis)
    np.save(folder / _SIGNAL, np.asarray(analysis.record.signal, np.float32), allow_pickle=False)


def run_explanation(task: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Explain one beat of the analysis in the folder ``out``."""
    import pandas as pd

    tell("explaining", 0.0)
    folder, beat = Path(task["out"]), int(task["beat"])
    document = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    beats = pd.read_csv(folder / "beats.csv", usecols=["sample", "class"], keep_default_na=False)
    if not 0 <= beat < len(beats):
        raise RequestError(f"there is no beat {beat}: the recording has beats 0 to {len(beats) - 1}", status=404)
    if not beats["class"].iloc[beat]:
        raise RequestError(f"beat {beat} was not judged, so that there is nothing to explain", status=409)
    recording = document["recording"]
    record = Record(
        signal=np.load(folder / _SIGNAL, allow_pickle=False),
        fs=recording["fs"],
        lead_names=tuple(recording["lead_names"]),
        name=recording["name"],
    )
    samples = beats["sample"].to_numpy(np.int64)
    model = _find_model(document["model"]["name"])
    found, note = explain_chosen(model, record, samples, {beat: "asked for"}, method=task["method"] or None)
    if not found:
        raise RequestError(note, status=409)
    return {"beat": beat, **{name: json_ready(value) for name, value in found[0].explanation.to_dict().items()}}


def open_stream(task: Mapping[str, Any], _tell: Tell) -> dict[str, Any]:
    """Begin to read a signal as it comes."""
    lead_names = tuple(task["lead_names"])
    _streams[task["stream"]] = BeatStream(task["fs"], lead_names, model=_find_model(task["model"]))
    return {}


def push_stream(task: Mapping[str, Any], _tell: Tell) -> dict[str, Any]:
    """Read the next samples of a stream, little-endian float32 in base64, and return the beats that they complete."""
    samples = np.frombuffer(base64.b64decode(task["samples"]), "<f4").reshape(-1, task["n_leads"])
    return _beats(_stream(task).push(samples))


def finish_stream(task: Mapping[str, Any], _tell: Tell) -> dict[str, Any]:
    """End a stream; return its last beats, none if it is only to be forgotten."""
    stream = _stream(task)
    del _streams[task["stream"]]
    return _beats([] if task.get("forget") else stream.finish())


def _stream(task: Mapping[str, Any]) -> BeatStream:
    if task["stream"] not in _streams:
        raise RequestError("the stream was lost when its process was started again", hint="Open a new one.", status=503)
    return _streams[task["stream"]]


def _beats(beats: list[StreamedBeat]) -> dict[str, Any]:
    return {"beats": [json_ready(asdict(beat)) for beat in beats]}


def json_ready(value: Any) -> Any:
    """Return a value in the types of JSON: NumPy's numbers as Python's, and None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): json_ready(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(inner) for inner in value]
    if isinstance(value, np.generic | np.ndarray):
        return json_ready(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


TASKS: Final[dict[str, Callable[[Mapping[str, Any], Tell], dict[str, Any]]]] = {
    "analyze": run_analysis,
    "explain": run_explanation,
    "open": open_stream,
    "push": push_stream,
    "finish": finish_stream,
}


def handle(task: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Do a task; return the message that answers it. No error comes out, and no path goes into one."""
    try:
        return {"kind": "done", "result": TASKS[task["kind"]](task, tell)}
    except Exception as error:
        if not isinstance(error, BeatlensError):
            log.exception("a task failed")
        problem = problem_of(error)
        where = str(Path(task["path"]).parent) + os.sep if "path" in task else "\x00"
        return {"kind": "failed", "problem": {**problem.model_dump(), "detail": problem.detail.replace(where, "")}}


def main() -> None:
    """Do tasks until standard input closes."""
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # from here on, only answers go to the server
    tasks: queue.Queue[dict[str, Any]] = queue.Queue()

    def say(message: Mapping[str, Any]) -> None:
        answers.write(json.dumps(message, allow_nan=False) + "\n")
        answers.flush()

    def listen() -> None:
        try:
            for line in sys.stdin:
                tasks.put(json.loads(line))
        finally:
            os._exit(0)  # the server is gone: what is being done is for nobody

    threading.Thread(target=listen, daemon=True).start()
    _find_model(sys.argv[1])
    say({"kind": "done", "result": {}})
    while True:
        task = tasks.get()
        say(handle(task, lambda stage, share: say({"kind": "progress", "stage": stage, "share": share})))


if __name__ == "__main__":
    main()
