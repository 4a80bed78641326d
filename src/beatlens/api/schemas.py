"""What goes into and comes out of the API, as OpenAPI describes it."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from beatlens.api.problems import Problem
from beatlens.explain.methods import METHODS
from beatlens.models.registry import list_models
from beatlens.reports.document import AnalysisDocument

LeadName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]+$")]
Rate = Annotated[float, Field(ge=1, le=1e6, allow_inf_nan=False, description="Sampling rate in Hz.")]
Unit = Literal["mV", "uV", "V", "nV"]
Seconds = Annotated[float, Field(ge=0, le=1e8, allow_inf_nan=False)]
MilliUnits = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
ModelName = Annotated[
    str,
    Field(
        description="Name of a model, see /v1/models; the server's if empty.",
        json_schema_extra={"enum": ["", *(card.name for card in list_models())]},
    ),
]
METHOD_ENUM: Final[dict[str, Any]] = {"enum": ["", *METHODS]}
MethodName = Annotated[
    str,
    Field(
        description="How beats are explained; what measured best for the model if empty.",
        json_schema_extra=METHOD_ENUM,
    ),
]
State = Literal["queued", "running", "done", "failed"]


class Options(BaseModel):
    """What may be chosen about an analysis."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200, description="What the recording is called; its file's name if empty.")] = ""
    model: ModelName = ""
    method: MethodName = ""
    explanations: Annotated[int, Field(ge=0, le=50, description="How many beats are explained at most.")] = 12
    leads: Annotated[
        list[LeadName], Field(max_length=64, description="The leads to use, the first first; all of them if empty.")
    ] = []
    start_s: Annotated[Seconds | None, Field(description="Start of the part to read, in seconds.")] = None
    end_s: Annotated[Seconds | None, Field(description="End of the part to read, in seconds.")] = None
    pause_s: Annotated[
        float, Field(ge=0.5, le=60, allow_inf_nan=False, description="Length from which an interval is a pause, in seconds.")
    ] = 2.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_s is not None and self.end_s <= (self.start_s or 0.0):
            raise ValueError(f"'end_s' must be more than 'start_s'; got {self.end_s:g} and {self.start_s or 0:g}")
        return self


class Upload(Options):
    """A recording as files, with what may be chosen about its analysis."""

    fs: Annotated[Rate | None, Field(description="Sampling rate in Hz, where the file does not state it.")] = None
    unit: Annotated[Unit | None, Field(description="What one unit is, where the file does not state it.")] = None


class Samples(Options):
    """A recording as numbers, with what may be chosen about its analysis."""

    samples: Annotated[
        list[list[MilliUnits | None]],
        Field(
            min_length=1, max_length=64, description="One list of samples a lead, all of one length; null where one is missing."
        ),
    ]
    lead_names: Annotated[list[LeadName], Field(min_length=1, max_length=64, description="One name a lead.")]
    fs: Rate
    unit: Annotated[Unit, Field(description="What one unit of the samples is.")]

    @model_validator(mode="after")
    def _alike(self) -> Self:
        if len(self.samples) != len(self.lead_names):
            raise ValueError(f"there must be one name a lead; got {len(self.lead_names)} names and {len(self.samples)} leads")
        if any(len(one) != len(other) for one, other in pairwise(self.samples)):
            raise ValueError("the leads must be of one length")
        if len(set(self.lead_names)) != len(self.lead_names):
            raise ValueError("the leads must have different names")
        if len(self.samples[0]) < self.fs:
            raise ValueError(f"a recording must last a second; got {len(self.samples[0])} samples at {self.fs:g} Hz")
        return self


class Progress(BaseModel):
    """How far an analysis is."""

    stage: str = Field(description="What is being done.")
    share: float = Field(ge=0, le=1, description="How much of the whole is done.")


class JobView(BaseModel):
    """An analysis that was asked for."""

    id: str = Field(pattern="^[0-9a-f]{32}$")
    state: State
    name: str = Field(description="What the recording is called.")
    model: str
    created: dt.datetime
    started: dt.datetime | None = None
    finished: dt.datetime | None = None
    expires: dt.datetime | None = Field(None, description="When it will be removed.")
    progress: Progress
    problem: Problem | None = Field(None, description="Why it failed.")
    links: dict[str, str] = Field(description="Where its results are, once it is done.")
    analysis: AnalysisDocument | None = Field(None, description="The analysis, where one waited for it.")


class JobList(BaseModel):
    """Analyses, the newest first."""

    analyses: list[JobView]
    next: str | None = Field(None, description="Where the older ones are.")


class Beat(BaseModel):
    """One beat; null where a value is not known."""

    beat: int = Field(description="Its number, from 0.")
    sample: int = Field(description="Its R peak, in samples since the start.")
    time_s: float
    beat_class: str = Field(alias="class", description="Empty where it was not judged.")
    probability: float | None = Field(description="Of that class.")
    probabilities: dict[str, float | None] = Field(description="Of each class of the model.")
    abnormal: float | None = Field(description="Probability that it is not normal.")
    rr_s: float | None = Field(description="Interval before it in seconds.")
    judged: bool
    uncertain: bool
    reason: str = Field(description="Why it was not judged, or is uncertain.")


class BeatPage(BaseModel):
    """Some beats of a recording, in the order of time."""

    total: int
    offset: int
    beats: list[Beat]


class BeatExplanation(BaseModel):
    """What moved the logit of one beat; null where a value is not known."""

    model_config = ConfigDict(extra="allow")

    beat: int
    sample: int
    predicted: str
    target: str = Field(description="The class whose logit is explained.")
    logit: float
    probability: float
    model: str
    method: str
    sentence: str = Field(description="The explanation in words.")
    salient_times_ms: list[float]
    completeness_gap: float | None
    completeness_gap_reason: str
    lead_names: list[str]
    time_ms: list[float] = Field(description="Since the R peak.")
    signal_mv: list[list[float]] = Field(description="One row a time, one column a lead.")
    attribution: list[list[float]] = Field(description="The same shape; positive where the signal speaks for the target.")
    features: dict[str, float]
    neighbours: dict[str, float]
    shares: dict[str, float]


class Health(BaseModel):
    """That the server answers, and what it has to do."""

    status: Literal["ok"] = "ok"
    version: str
    queued: int
    running: int
    streams: int


class StreamStart(BaseModel):
    """The first message of a WebSocket stream."""

    model_config = ConfigDict(extra="forbid")

    fs: Rate
    lead_names: Annotated[list[LeadName], Field(min_length=1, max_length=16)]
    unit: Unit = "mV"
    model: ModelName = ""


def body_schema(model: type[BaseModel], **more: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a request's body; with ``more``, that of a form, with fields that are no part of the model."""
    schema = model.model_json_schema()
    if more:  # a form has no null: what is not known is left out
        for field in schema["properties"].values():
            field.update(next((each for each in field.pop("anyOf", []) if each != {"type": "null"}), {}))
            if "default" in field and field["default"] is None:
                del field["default"]
    schema["properties"] |= more
    schema["required"] = sorted({*schema.get("required", []), *more})
    return schema
