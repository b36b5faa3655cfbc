"""Brokers: tell other nodes that truth moved; may lose messages."""
