"""Several real nodes on one real database."""
