"""Networks, one architecture a file, and their weights with their cards."""

from beatlens.models.card import ModelCard
from beatlens.models.predictions import BeatPredictions
from beatlens.models.registry import list_models, load_model

__all__ = ["BeatPredictions", "ModelCard", "list_models", "load_model"]
