"""What was once done to a server to bring it down, and what it does now."""
