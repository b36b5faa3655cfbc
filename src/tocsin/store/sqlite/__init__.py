"""SQLite: one file, one process; the default."""
