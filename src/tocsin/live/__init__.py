"""Live streams: a state machine without I/O, the hub that feeds it, and thin skins over sockets."""
