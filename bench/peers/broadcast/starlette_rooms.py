"""Rooms of WebSockets on Starlette: what is posted to /send/ROOM goes to every WebSocket on /stream/ROOM."""

import sys
from collections import defaultdict

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

rooms: defaultdict[str, set[WebSocket]] = defaultdict(set)


async def stream(websocket: WebSocket) -> None:
    """Stay in the room until the peer goes."""
    members = rooms[websocket.path_params["room"]]
    await websocket.accept()
    members.add(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        members.discard(websocket)


async def send(request: Request) -> JSONResponse:
    """Write the body to each member, one after the other."""
    text = (await request.body()).decode()
    members = list(rooms[request.path_params["room"]])
    for member in members:
        await member.send_text(text)
    return JSONResponse({"recipients": len(members)})


async def ready(_: Request) -> Response:
    """200, so that its starter knows."""
    return Response(b"")


app = Starlette(
    routes=[
        WebSocketRoute("/stream/{room}", stream),
        Route("/send/{room}", send, methods=["POST"]),
        Route("/ready", ready),
    ]
)

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
