/* One keep-alive HTTP connection that has at most one request under way. */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include "loopback.h"

struct connection {
    int fd;
    int busy;
    int64_t asked_at;
    int64_t tag; /* the caller's: which request is under way */
    size_t length;
    char answer[16384];
};

/* The status of a whole answer, 0 while it is not whole, -1 when the peer closed. Leaves the connection idle. */
static int answer_readable(struct connection *connection) {
    ssize_t got = read(connection->fd, connection->answer + connection->length,
                       sizeof connection->answer - 1 - connection->length);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got <= 0) return -1;
    connection->length += (size_t)got;
    connection->answer[connection->length] = 0;
    char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end) return 0;
    char *declared = strcasestr(connection->answer, "\r\ncontent-length:");
    errno = 0;
    if (!declared || declared > end) fail("an answer without Content-Length");
    size_t whole = (size_t)(end + 4 - connection->answer) + strtoul(declared + 17, NULL, 10);
    if (whole >= sizeof connection->answer) fail("an answer above 16 KiB");
    if (connection->length < whole) return 0;
    connection->busy = 0;
    connection->length = 0;
    return atoi(connection->answer + 9);
}

#endif
