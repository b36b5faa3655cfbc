"""The inbox: what a person sees, counts and is told, whatever happens; on the real store and over HTTP."""
