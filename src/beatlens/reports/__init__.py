"""Figures, tables and documents made from results."""
