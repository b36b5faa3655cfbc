"""Measures what Tocsin costs, beside the least it could cost, in the same run on the same machine."""
