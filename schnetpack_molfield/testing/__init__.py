"""The promises of this package as an importable contract."""
