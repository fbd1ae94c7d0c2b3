"""Output modules that query or pool a molecular field."""
