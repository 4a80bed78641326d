"""What may be chosen about an analysis."""

from __future__ import annotations

from dataclasses import dataclass

from beatlens.errors import ConfigurationError


@dataclass(frozen=True)
class Settings:
    """Choices of an analysis; every report states them.

    Parameters
    ----------
    pause_s : float
        An interval between two beats of at least this many seconds is a pause.
    run_beats : int
        This many ectopic beats of one class in a row, or more, are a run; two are a couplet.
    bigeminy_beats : int
        This many ectopic beats, each with one normal beat between it and the next, are bigeminy.
    rate_beats : int
        The lowest and highest heart rate are means over this many intervals in a row.
    explanations : int
        How many beats are explained at most; 0 for none.
    method : str
        How they are explained; one of `beatlens.explain.methods.METHODS`. Empty: as measured best for the model; an analysis
        states which that was.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    pause_s: float = 2.0
    run_beats: int = 3
    bigeminy_beats: int = 3
    rate_beats: int = 8
    explanations: int = 12
    method: str = ""

    def __post_init__(self) -> None:
        for name, low in (("pause_s", 0.5), ("run_beats", 3), ("bigeminy_beats", 2), ("rate_beats", 1), ("explanations", 0)):
            if not getattr(self, name) >= low:
                raise ConfigurationError(f"'{name}' must be at least {low}; got {getattr(self, name)}")
