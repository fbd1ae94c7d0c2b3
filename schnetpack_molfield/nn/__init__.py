"""Small general layers."""
