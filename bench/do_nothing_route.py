"""The floor of single sends: reads a POST's body and answers with as many bytes as a send is answered."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ANSWER = b'{"success":true,"notificationId":"notif_00000000000000000000000000","recipientCount":0}'


async def nothing(request: Request) -> Response:
    """Take the body and say that all is well."""
    await request.body()
    return Response(ANSWER, media_type="application/json")


async def ready(_: Request) -> Response:
    """200, so that its starter knows."""
    return Response(b"")


app = Starlette(routes=[Route("/x", nothing, methods=["POST"]), Route("/ready", ready)])

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        lifespan="off",
    )
