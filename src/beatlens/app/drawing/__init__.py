"""Drawings of the app as SVG, in the colours of the reports."""
