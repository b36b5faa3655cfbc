"""The path of a notification, one verb a file: authorize, accept, append, announce."""
