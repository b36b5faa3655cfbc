"""How long a test waits for what must come, and by how much it may miss a promise of time."""

import os

PATIENCE = 60.0
"""Seconds until it is missed: a busy machine is slow, and what is to come at once comes in milliseconds on an idle one.
A test that holds a promise of time to its word has a bound of its own, and says so."""

SLACK = 1.0 if os.environ.get("TOCSIN_SOAK") == "1" else 4.0
"""By how much promised times may be missed where other tests run beside; `make soak` holds them to the letter."""
