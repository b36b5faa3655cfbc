"""The two programs of ours that do what a tutorial does: rooms in memory, and a loop that writes to each member."""
