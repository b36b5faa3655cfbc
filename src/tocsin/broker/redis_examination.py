"""What `tocsin doctor` sees of a Redis or Valkey; carries nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from tocsin.broker.redis import hosts
from tocsin.errors import StartError

_SECONDS = 3.0


class Seen(NamedTuple):
    """What one server says of itself.

    Attributes:
        version: of Redis, as it understands commands.
        cluster: whether it is one of a cluster.
        may: whether this user may publish and subscribe.
    """

    version: str
    cluster: bool
    may: bool

    @property
    def is_old(self) -> bool:
        return int(self.version.split(".")[0]) < 6


def look(url: str) -> Seen:
    """Ask the first that answers of the servers that a URL names.

    Raises:
        StartError: none answers, or it lets nobody in; the sentence has no password in it.
    """
    why = "nobody answers"
    for one in hosts(url):
        try:
            client: Any = Redis.from_url(one, protocol=3, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS)
            with client:
                about = client.info()
                return Seen(about["redis_version"], bool(int(about.get("cluster_enabled", 0))), _may(client))
        except (RedisError, OSError, ValueError) as error:
            why = str(error) or type(error).__name__
    raise StartError(f"the broker cannot be reached: {why}")


def _may(client: Any) -> bool:
    try:
        client.publish("tocsin:doctor", b"")
        with client.pubsub() as ears:
            ears.subscribe("tocsin:doctor")
            return ears.get_message(timeout=_SECONDS) is not None
    except RedisError:
        return False
