"""Stores: durable truth."""
