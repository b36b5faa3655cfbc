"""PostgreSQL: one database, many nodes."""
