"""Every example of the two published API documents, run as it is written, host and placeholders aside."""
