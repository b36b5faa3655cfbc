"""The HTTP API: one table of routes, one way through it, one file a resource."""
