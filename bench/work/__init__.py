"""One file for each thing that is measured; each has a NAME and a `measure(plan)` that gives its rows."""
