"""Exact fields computed from atoms."""
