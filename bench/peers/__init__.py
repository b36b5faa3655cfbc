"""What Tocsin is measured beside, one file each; Tocsin itself is the first."""

from bench.peers import centrifugo, gotify, mercure, ntfy, starlette_broadcast, ws
from bench.peers.tocsin import TOCSIN

ALL = (
    TOCSIN,
    *ntfy.PEERS,
    *gotify.PEERS,
    *mercure.PEERS,
    *centrifugo.PEERS,
    *ws.PEERS,
    *starlette_broadcast.PEERS,
)
