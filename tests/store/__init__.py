"""Durable truth, directly: what every store promises, and what is SQLite's own."""
