"""For a control only: what somebody sets unread below a mark is not counted.

Loaded by the interpreter because the control puts this folder on PYTHONPATH.
"""

from tocsin.store.sqlite.queries import queries

_COUNTED = "unseen = unseen + :unseen"

assert _COUNTED in queries()["shift_counter"]
queries()["shift_counter"] = queries()["shift_counter"].replace(_COUNTED, "unseen = unseen")
