"""The report: one HTML file that needs nothing beside it."""

from beatlens.reports.page.render import render_report

__all__ = ["render_report"]
