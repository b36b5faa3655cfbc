"""The stream: its state machine without sockets, then every form of it on real ones."""
