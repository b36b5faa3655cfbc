// Rooms of WebSockets on Node's `ws`: what is posted to /send/ROOM goes to every WebSocket on /stream/ROOM.
//
// node ws_rooms.mjs PORT PATH_OF_WS

import { createServer } from "node:http";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(import.meta.url)(process.argv[3]);
const rooms = new Map();

const members = (path) => {
  const room = path.split("/")[2];
  if (!rooms.has(room)) rooms.set(room, new Set());
  return rooms.get(room);
};

const server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    const room = request.method === "POST" ? members(request.url) : new Set();
    for (const socket of room) socket.send(text);
    const answer = JSON.stringify({ recipients: room.size });
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": answer.length });
    response.end(answer);
  });
});

new WebSocketServer({ server }).on("connection", (socket, request) => {
  const room = members(request.url);
  room.add(socket);
  socket.on("close", () => room.delete(socket));
});

server.listen(Number(process.argv[2]), "127.0.0.1");
