"""Sending by the two documented routes: every field, default, role, limit and refusal."""
