"""The UTC clock hour by which quotas run."""

import time


def wait_for_room_in_the_hour(*, seconds: float) -> None:
    """Return when the hour goes on for so long, so that a count of it is not cut in two."""
    left = 3600 - time.time() % 3600
    if left < seconds:
        time.sleep(left + 0.2)
