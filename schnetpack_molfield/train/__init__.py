"""Losses, metrics and callbacks."""
