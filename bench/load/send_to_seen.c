/* From the moment a send was due to the moment its reader had the frame in hand.

   send_to_seen KIND PORT CONTENT_TYPE CONNECTIONS RATE WARMUP_SECONDS SECONDS < TARGETS

   TARGETS: a line for each recipient, its fields parted by tabs: the path and the header of its stream, the
   stream's greeting, the path and the header of a send to it, and the send's body, in which ########## stands
   for the send's number. One stream of KIND is opened for each. Send k is due at start + k / RATE and goes to
   target k mod targets; its latency counts from when it was due, not from when a connection was free, so a
   server that stalls cannot hide the sends it held back. Prints one line of JSON. */
#include "answer.h"
#include "stream.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define MOST_TARGETS 20000
#define NUMBER "##########"
#define FIELDS 6

struct target {
    char *field[FIELDS]; /* as in the line */
};

static int64_t *due, *seen, sends, duplicates, misdirected;
static struct target targets[MOST_TARGETS];
static int count_of_targets;

/* The text begins at the mark. */
static void on_seen(struct stream *stream, const char *text, size_t length) {
    if (length < strlen(STREAM_MARK) + strlen(NUMBER)) return;
    int64_t send = strtoll(text + strlen(STREAM_MARK), NULL, 10);
    if (send < 0 || send >= sends || send % count_of_targets != stream->index)
        misdirected++;
    else if (seen[send])
        duplicates++;
    else
        seen[send] = monotonic_ns();
}

static void read_targets(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        errno = 0;
        if (count_of_targets == MOST_TARGETS) fail("too many targets");
        for (int i = 0; i < FIELDS; i++)
            if (!(targets[count_of_targets].field[i] = strsep(&line, "\t"))) fail("a target with too few fields");
        if (!strstr(targets[count_of_targets].field[5], STREAM_MARK NUMBER)) fail("a body without a number");
        count_of_targets++;
        room = 0;
        line = NULL; /* the fields stay in it */
    }
    if (!count_of_targets) fail("no targets");
}

static void ask(struct connection *connection, const char *content_type, int64_t send) {
    char request[4096], number[24];
    struct target *target = &targets[send % count_of_targets];
    const char *header = target->field[4], *body = target->field[5];
    int length = snprintf(request, sizeof request,
                          "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n%s%s"
                          "Content-Length: %zu\r\n\r\n%s",
                          target->field[3], content_type, header, *header ? "\r\n" : "", strlen(body), body);
    if (length >= (int)sizeof request) fail("a send too long");
    snprintf(number, sizeof number, "%010lld", (long long)send);
    memcpy(strstr(request, STREAM_MARK NUMBER) + strlen(STREAM_MARK), number, strlen(NUMBER));
    connection->busy = 1;
    connection->tag = send;
    connection->asked_at = monotonic_ns();
    write_whole(connection->fd, request, (size_t)length);
}

static void watch(int epoll, int fd, void *what) {
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) < 0) fail("epoll_ctl");
}

static size_t collect(int64_t *into, const int64_t *from, int64_t first) {
    size_t count = 0;
    for (int64_t send = first; send < sends; send++)
        if (from[send]) into[count++] = from[send] - due[send];
    qsort(into, count, sizeof *into, compare_int64);
    return count;
}

int main(int argc, char **argv) {
    if (argc != 8) fail("usage: send_to_seen KIND PORT CONTENT_TYPE CONNECTIONS RATE WARMUP_SECONDS SECONDS");
    enum stream_kind kind = stream_kind_of(argv[1]);
    int port = atoi(argv[2]), connections = atoi(argv[4]);
    double rate = atof(argv[5]);
    int64_t warmup = (int64_t)(rate * atof(argv[6]));
    sends = warmup + (int64_t)(rate * atof(argv[7]));
    due = calloc((size_t)sends, sizeof *due);
    seen = calloc((size_t)sends, sizeof *seen);
    int64_t *asked = calloc((size_t)sends, sizeof *asked), *sorted = calloc((size_t)sends, sizeof *sorted);
    int64_t *told = calloc((size_t)sends, sizeof *told);
    static struct stream streams[MOST_TARGETS];
    struct connection *all = calloc((size_t)connections, sizeof *all);
    int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (!due || !seen || !asked || !sorted || !told || !all || epoll < 0 || timer < 0) fail("start");

    read_targets();
    for (int i = 0; i < count_of_targets; i++) {
        struct stream *stream = &streams[i];
        char **field = targets[i].field;
        *stream = (struct stream){.fd = connect_loopback(port), .index = i, .kind = kind, .greeting = field[2]};
        stream_request(stream, field[0], field[1]);
        while (stream->state == STREAM_OPENING) stream_readable(stream, on_seen);
        watch(epoll, stream->fd, stream);
    }
    for (int i = 0; i < connections; i++) {
        all[i].fd = connect_loopback(port);
        watch(epoll, all[i].fd, &all[i]);
    }
    watch(epoll, timer, NULL);

    int64_t start = monotonic_ns() + 200000000, next = 0, refused = 0, answered = 0, last_answer = 0;
    for (int64_t send = 0; send < sends; send++) due[send] = start + (int64_t)((double)send * 1e9 / rate);
    struct epoll_event events[512];
    for (;;) {
        int64_t now = monotonic_ns();
        for (int i = 0; i < connections && next < sends && due[next] <= now; i++)
            if (!all[i].busy) {
                ask(&all[i], argv[3], next);
                asked[next++] = monotonic_ns();
            }
        if (answered == sends && (received.notifications >= sends || now > last_answer + 2000000000)) break;
        if (now > due[sends - 1] + 15000000000) break;
        /* Due and no connection free: an answer wakes the loop, not the clock. */
        int64_t wake = next < sends && due[next] > now ? due[next] : now + 100000000;
        struct itimerspec when = {.it_value = {wake / 1000000000, wake % 1000000000}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
        int ready = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection) {
                uint64_t expirations;
                if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) fail("timer");
            } else if (connection >= all && connection < all + connections) {
                int status = answer_readable(connection);
                if (status < 0) fail("the server closed a sending connection");
                if (status == 0) continue;
                last_answer = told[connection->tag] = monotonic_ns();
                answered++;
                if (status / 100 != 2) refused++;
            } else {
                stream_readable(events[i].data.ptr, on_seen);
            }
        }
    }
    size_t count = collect(sorted, seen, warmup);
    int64_t lost = 0;
    for (int64_t send = 0; send < sends; send++) lost += !seen[send];
    printf("{\"sends\": %lld, \"answered\": %lld, \"refused\": %lld, \"lost\": %lld, \"duplicates\": %lld, "
           "\"misdirected\": %lld, \"closed\": %lld, \"measured\": %zu, ",
           (long long)sends, (long long)answered, (long long)refused, (long long)lost, (long long)duplicates,
           (long long)misdirected, (long long)received.closed, count);
    printf("\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, ",
           percentile_us(sorted, count, 0.50), percentile_us(sorted, count, 0.90), percentile_us(sorted, count, 0.99),
           percentile_us(sorted, count, 0.999), percentile_us(sorted, count, 1.0));
    count = collect(sorted, told, warmup);
    printf("\"answer_p50_us\": %.1f, \"answer_p99_us\": %.1f, ", percentile_us(sorted, count, 0.50),
           percentile_us(sorted, count, 0.99));
    count = collect(sorted, asked, warmup);
    printf("\"late_p50_us\": %.1f, \"late_p99_us\": %.1f}\n", percentile_us(sorted, count, 0.50),
           percentile_us(sorted, count, 0.99));
    return 0;
}
