"""Hydra configurations, found by `spktrain` from any folder."""
