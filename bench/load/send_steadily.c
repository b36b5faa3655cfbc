/* As many requests as the server answers, each connection with one under way.

   send_steadily PORT PATH CONTENT_TYPE CONNECTIONS WARMUP_SECONDS SECONDS HEADER BODY

   Prints one line of JSON. `answered` counts whole 2xx answers inside the measured seconds; `accepted` all of
   them from the first to the last, so that the store can be asked for exactly that many. */
#include "answer.h"
#include <sys/epoll.h>

#define MOST_LATENCIES 8000000

int main(int argc, char **argv) {
    if (argc != 9) fail("usage: send_steadily PORT PATH CONTENT_TYPE CONNECTIONS WARMUP_SECONDS SECONDS HEADER BODY");
    int port = atoi(argv[1]), connections = atoi(argv[4]);
    static char request[65536];
    int length = snprintf(request, sizeof request,
                          "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n%s%s"
                          "Content-Length: %zu\r\n\r\n%s",
                          argv[2], argv[3], argv[7], *argv[7] ? "\r\n" : "", strlen(argv[8]), argv[8]);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    int64_t *latencies = malloc(MOST_LATENCIES * sizeof *latencies);
    if (length >= (int)sizeof request || epoll < 0 || !all || !latencies) fail("start");
    for (int i = 0; i < connections; i++) {
        all[i].fd = connect_loopback(port);
        struct epoll_event interest = {.events = EPOLLIN, .data.ptr = &all[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &interest) < 0) fail("epoll_ctl");
    }
    int64_t from = monotonic_ns() + (int64_t)(atof(argv[5]) * 1e9);
    int64_t until = from + (int64_t)(atof(argv[6]) * 1e9);
    int64_t answered = 0, accepted = 0, refused = 0, closed = 0, under_way = 0;
    int first_refusal = 0;
    for (int i = 0; i < connections; i++, under_way++) {
        all[i].asked_at = monotonic_ns();
        write_whole(all[i].fd, request, (size_t)length);
    }
    struct epoll_event events[256];
    while (under_way) {
        int ready = epoll_wait(epoll, events, 256, 10000);
        if (ready == 0) {
            errno = 0;
            fail("no answer for 10 s");
        }
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            int status = answer_readable(connection);
            if (status == 0) continue;
            int64_t now = monotonic_ns();
            if (status < 0) {
                closed++;
                under_way--;
                close(connection->fd);
                continue;
            }
            if (status / 100 == 2) {
                accepted++;
                if (now >= from && now < until) {
                    if (answered < MOST_LATENCIES) latencies[answered] = now - connection->asked_at;
                    answered++;
                }
            } else {
                refused++;
                if (!first_refusal) first_refusal = status;
            }
            if (now >= until) {
                under_way--;
                continue;
            }
            connection->asked_at = now;
            write_whole(connection->fd, request, (size_t)length);
        }
    }
    size_t kept = (size_t)(answered < MOST_LATENCIES ? answered : MOST_LATENCIES);
    qsort(latencies, kept, sizeof *latencies, compare_int64);
    printf("{\"answered\": %lld, \"per_second\": %.1f, \"accepted\": %lld, \"refused\": %lld, \"first_refusal\": %d, "
           "\"closed\": %lld, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
           (long long)answered, (double)answered / atof(argv[6]), (long long)accepted, (long long)refused,
           first_refusal, (long long)closed, percentile_us(latencies, kept, 0.50),
           percentile_us(latencies, kept, 0.99));
    return 0;
}
