/* The reading end of one notification stream: WebSocket, SSE, NDJSON, or a bare socket that is only drained. */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "loopback.h"

enum stream_kind { STREAM_RAW, STREAM_WEBSOCKET, STREAM_SSE, STREAM_NDJSON };
enum stream_state { STREAM_OPENING, STREAM_OPEN, STREAM_CLOSED };

struct stream {
    int fd;
    int index;
    enum stream_kind kind;
    enum stream_state state;
    const char *greeting; /* a text that a WebSocket sends as soon as it is open, or "" */
    char *partial; /* the beginning of a frame whose end has not come yet */
    size_t partial_length;
};

/* Called once for each notification, with its text from the mark on, which is not terminated by a zero. */
typedef void (*on_notification)(struct stream *stream, const char *text, size_t length);

#define STREAM_ROOM (1 << 18)
#define STREAM_MARK "bench-" /* stands once in each notification the benchmark sends */

/* What the streams of this process have received since the start. */
static struct {
    int64_t notifications, bytes, pings, closed, last_close_code;
    int64_t last_at; /* when the latest notification was in hand */
} received;

__attribute__((unused)) static enum stream_kind stream_kind_of(const char *name) {
    if (!strcmp(name, "ws")) return STREAM_WEBSOCKET;
    if (!strcmp(name, "sse")) return STREAM_SSE;
    if (!strcmp(name, "ndjson")) return STREAM_NDJSON;
    if (!strcmp(name, "raw")) return STREAM_RAW;
    errno = 0;
    fail("a stream is ws, sse, ndjson or raw");
}

/* Sends the request; the answer arrives at stream_readable. `header` is one line without its end, or "". */
__attribute__((unused)) static void stream_request(struct stream *stream, const char *path, const char *header) {
    static const char *const asking[] = {
        [STREAM_RAW] = "",
        [STREAM_WEBSOCKET] = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Key: dG9jc2luLWJlbmNoLWtleQ==\r\n",
        [STREAM_SSE] = "Accept: text/event-stream\r\n",
        [STREAM_NDJSON] = "Accept: application/x-ndjson\r\n",
    };
    char request[8192];
    stream->state = STREAM_OPENING;
    if (stream->kind == STREAM_RAW) {
        stream->state = STREAM_OPEN;
        return;
    }
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s\r\n", path,
                          asking[stream->kind], header, *header ? "\r\n" : "");
    if (length >= (int)sizeof request) fail("stream request too long");
    write_whole(stream->fd, request, (size_t)length);
}

/* `length` up to 125. */
static void stream_say(struct stream *stream, unsigned char opcode, const void *payload, size_t length) {
    unsigned char frame[2 + 4 + 125] = {0x80 | opcode, (unsigned char)(0x80 | length), 0, 0, 0, 0};
    memcpy(frame + 6, payload, length); /* a mask of zeros leaves the payload as it is */
    write_whole(stream->fd, (char *)frame, 6 + length);
}

static void count_marks(struct stream *stream, const char *text, size_t length, on_notification notify) {
    size_t mark = strlen(STREAM_MARK), used = 0;
    const char *found;
    while ((found = memmem(text + used, length - used, STREAM_MARK, mark))) {
        received.notifications++;
        received.last_at = monotonic_ns();
        if (notify) notify(stream, found, length - (size_t)(found - text));
        used = (size_t)(found - text) + mark;
    }
}

/* Takes whole WebSocket frames off `bytes`; answers how many bytes were used. */
static size_t take_frames(struct stream *stream, const char *bytes, size_t length, on_notification notify) {
    size_t used = 0;
    while (length - used >= 2) {
        const unsigned char *frame = (const unsigned char *)bytes + used;
        size_t head = 2, payload = frame[1] & 0x7f;
        if (payload == 126) {
            head = 4;
            if (length - used < head) break;
            payload = (size_t)frame[2] << 8 | frame[3];
        } else if (payload == 127) {
            errno = 0;
            fail("a frame above 64 KiB");
        }
        if (length - used < head + payload) break;
        int opcode = frame[0] & 0x0f;
        if (opcode == 1) {
            count_marks(stream, (const char *)frame + head, payload, notify); /* one frame may carry several */
        } else if (opcode == 9) {
            stream_say(stream, 10, frame + head, payload);
            received.pings++;
        } else if (opcode == 8) {
            received.last_close_code = payload >= 2 ? frame[head] << 8 | frame[head + 1] : 1005;
        }
        used += head + payload;
    }
    return used;
}

/* Counts the marks in an event stream or in lines; keeps back a line whose end has not come yet. */
static size_t take_lines(struct stream *stream, const char *bytes, size_t length, on_notification notify) {
    const char *end = memrchr(bytes, '\n', length);
    size_t used = end ? (size_t)(end + 1 - bytes) : 0;
    count_marks(stream, bytes, used, notify);
    return used;
}

static size_t take_answer(struct stream *stream, const char *bytes, size_t length) {
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    const char *wanted = stream->kind == STREAM_WEBSOCKET ? "HTTP/1.1 101" : "HTTP/1.1 200";
    if (length < 12 || memcmp(bytes, wanted, 12)) {
        errno = 0;
        fprintf(stderr, "%.*s\n", (int)length, bytes);
        fail("the stream was refused");
    }
    stream->state = STREAM_OPEN;
    if (stream->kind == STREAM_WEBSOCKET && stream->greeting && *stream->greeting) {
        if (strlen(stream->greeting) > 125) fail("a greeting above 125 bytes");
        stream_say(stream, 1, stream->greeting, strlen(stream->greeting));
    }
    return (size_t)(end + 4 - bytes);
}

/* Reads what is there, once. A peer that closed makes the stream STREAM_CLOSED and closes its socket. */
__attribute__((unused)) static void stream_readable(struct stream *stream, on_notification notify) {
    static char room[STREAM_ROOM];
    size_t length = stream->partial_length;
    memcpy(room, stream->partial, length);
    ssize_t got = read(stream->fd, room + length, sizeof room - length);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        stream->state = STREAM_CLOSED;
        received.closed++;
        close(stream->fd);
        return;
    }
    received.bytes += got;
    length += (size_t)got;
    size_t used = 0;
    if (stream->state == STREAM_OPENING) {
        used = take_answer(stream, room, length);
        received.bytes -= (int64_t)used; /* the answer to the upgrade is no delivery */
    }
    if (stream->state == STREAM_OPEN) {
        if (stream->kind == STREAM_WEBSOCKET)
            used += take_frames(stream, room + used, length - used, notify);
        else if (stream->kind != STREAM_RAW)
            used += take_lines(stream, room + used, length - used, notify);
        else
            used = length;
    }
    stream->partial_length = length - used;
    if (stream->partial_length) {
        stream->partial = realloc(stream->partial, stream->partial_length);
        if (!stream->partial) fail("memory");
        memcpy(stream->partial, room + used, stream->partial_length);
    }
}

#endif
