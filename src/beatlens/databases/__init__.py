"""Databases of recordings: where they are, whether they are whole, and how their patients are split."""
