"""Configurations: TOML, overrides, and what a mistake looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from beatlens.errors import ConfigurationError, OutputError, RecordNotFoundError
from beatlens.training.config import SeedTraining, load_config
from beatlens.training.run import open_run


def test_the_defaults_are_the_seeds_recipe() -> None:
    """Adam at 1e-4, batches of 128, 50 epochs, patience 5, a fifth held out, seed 42."""
    config = SeedTraining()
    assert (config.learning_rate, config.batch_size, config.epochs, config.patience) == (1e-4, 128, 50, 5)
    assert (config.schedule, config.test_fraction, config.seed) == ("constant", 0.2, 42)


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    """Numbers, words and lists are read as TOML."""
    path = tmp_path / "run.toml"
    path.write_text('epochs = 3\nschedule = "cosine"\n')
    config = load_config(SeedTraining, path, ["epochs=4", "schedule=constant", 'records=["100", "101"]'])
    assert (config.epochs, config.schedule, config.records) == (4, "constant", ("100", "101"))


@pytest.mark.parametrize(
    ("override", "sentence", "hint"),
    [
        ("epoch=3", "'epoch' is not a setting", "Did you mean 'epochs'?"),
        ("epochs=0", "'epochs' is not valid: input should be greater than or equal to 1; got 0", None),
        ("epochs=many", "'epochs' is not valid", None),
        ("schedule=linear", "'schedule' is not valid: input should be 'constant' or 'cosine'; got 'linear'", None),
        ("epochs", "an override must be name=value; got 'epochs'", None),
    ],
)
def test_a_mistake_is_one_sentence(override: str, sentence: str, hint: str | None) -> None:
    """It names the setting, the rule and what it got."""
    with pytest.raises(ConfigurationError) as caught:
        load_config(SeedTraining, overrides=[override])
    assert sentence in caught.value.message
    assert (hint or "") in (caught.value.hint or "")


def test_a_file_that_is_missing_or_no_toml(tmp_path: Path) -> None:
    """Each has its own sentence."""
    with pytest.raises(RecordNotFoundError, match="no configuration at"):
        load_config(SeedTraining, tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("epochs = = 3")
    with pytest.raises(ConfigurationError, match="must be a TOML file"):
        load_config(SeedTraining, tmp_path / "bad.toml")


def test_a_run_is_not_overwritten_unasked(tmp_path: Path) -> None:
    """Resumed, started anew, or refused; other files are never removed."""
    run = tmp_path / "run"
    open_run(run, SeedTraining())
    with pytest.raises(OutputError, match="already holds a run") as caught:
        open_run(run, SeedTraining())
    assert "--resume" in str(caught.value.hint)
    open_run(run, SeedTraining(), resume=True)
    with pytest.raises(ConfigurationError, match="epochs changed"):
        open_run(run, SeedTraining(epochs=3), resume=True)
    open_run(run, SeedTraining(epochs=3), force=True)
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").write_bytes(b"")
    with pytest.raises(OutputError, match="already holds other files"):
        open_run(other, SeedTraining(), force=True)
