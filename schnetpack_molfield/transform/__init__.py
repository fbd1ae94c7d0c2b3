"""Per-sample transforms."""
