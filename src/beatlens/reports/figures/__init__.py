"""Figures: pure functions from arrays to a matplotlib `Figure`, and `save_figure`."""

from beatlens.reports.figures.outcomes import plot_confusion_matrix, plot_history, plot_outcomes
from beatlens.reports.figures.saliency import plot_average_saliency, plot_beats, plot_misclassified, plot_saliency
from beatlens.reports.figures.saving import save_figure

__all__ = [
    "plot_average_saliency",
    "plot_beats",
    "plot_confusion_matrix",
    "plot_history",
    "plot_misclassified",
    "plot_outcomes",
    "plot_saliency",
    "save_figure",
]
