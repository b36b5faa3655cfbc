/* Opens many streams, drains them and counts.

   hold_streams KIND PORT COUNT PATH HEADER GREETING   KIND: ws, sse, ndjson or raw (a bare socket, only drained)

   A PATH that begins with @ names a file with a line for each stream: its path, a tab, its header.

   Prints one line of JSON when all are open, and one for each line it reads from stdin; ends at the end
   of stdin. Counts are since the start of the process, times since just before the first connect.

   Once all are open it looks every NAP_NS and never waits in epoll: a reader that sleeps there would have to be
   woken by the writer, and the CPU of waking belongs to this program, not to the delivery. */
#include "stream.h"
#include <sys/epoll.h>

#define NAP_NS 5000000
#define OPENING_AT_ONCE 64 /* below the server's backlog, so that no connect is refused or waits for a retry */

static struct stream *streams;
static int wanted, begun, open_now, epoll;
static int64_t began_at, all_open_at;
static FILE *lines;

static void begin(int port, enum stream_kind kind, char **argv) {
    struct stream *stream = &streams[begun];
    char line[2048], *path = argv[4], *header = argv[5];
    if (lines) {
        if (!fgets(line, sizeof line, lines)) fail("fewer lines than streams");
        line[strcspn(line, "\n")] = 0;
        header = line;
        path = strsep(&header, "\t");
        if (!header) fail("a line without a tab");
    }
    stream->fd = connect_loopback(port);
    stream->index = begun++;
    stream->kind = kind;
    stream->greeting = argv[6];
    stream_request(stream, path, header);
    if (stream->state == STREAM_OPEN) open_now++;
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = stream};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, stream->fd, &interest) < 0) fail("epoll_ctl");
}

static void report(void) {
    printf("{\"open\": %d, \"notifications\": %lld, \"bytes\": %lld, \"pings\": %lld, \"closed\": %lld, "
           "\"last_close_code\": %lld, \"all_open_us\": %lld, \"last_us\": %lld}\n",
           open_now, (long long)received.notifications, (long long)received.bytes, (long long)received.pings,
           (long long)received.closed, (long long)received.last_close_code,
           (long long)(all_open_at - began_at) / 1000, (long long)(received.last_at - began_at) / 1000);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc != 7) fail("usage: hold_streams ws|sse|ndjson|raw PORT COUNT PATH HEADER GREETING");
    enum stream_kind kind = stream_kind_of(argv[1]);
    int port = atoi(argv[2]), reported_open = 0;
    wanted = atoi(argv[3]);
    streams = calloc((size_t)wanted, sizeof *streams);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!streams || epoll < 0) fail("start");
    if (*argv[4] == '@' && !(lines = fopen(argv[4] + 1, "r"))) fail(argv[4] + 1);
    struct epoll_event control = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &control) < 0) fail("stdin must be a pipe");
    struct epoll_event events[256];
    began_at = monotonic_ns();
    for (;;) {
        while (begun < wanted && begun - open_now < OPENING_AT_ONCE) begin(port, kind, argv);
        if (!reported_open && open_now == wanted) {
            all_open_at = monotonic_ns();
            report();
            reported_open = 1;
        }
        int ready = epoll_wait(epoll, events, 256, reported_open ? 0 : -1);
        if (!ready) {
            struct timespec nap = {0, NAP_NS};
            nanosleep(&nap, NULL);
        }
        for (int i = 0; i < ready; i++) {
            struct stream *stream = events[i].data.ptr;
            if (!stream) {
                char line[256];
                if (read(STDIN_FILENO, line, sizeof line) <= 0) return 0;
                report();
                continue;
            }
            enum stream_state before = stream->state;
            stream_readable(stream, NULL);
            if (before == STREAM_OPENING && stream->state != STREAM_OPENING) open_now++;
            if (stream->state == STREAM_CLOSED) open_now--;
        }
    }
}
