/* The least that a fan-out can cost: one write() of the same bytes to each of COUNT sockets.

   write_to_sockets COUNT BYTES ROUNDS INTERVAL_MS WARMUP_ROUNDS

   Listens on a free loopback port, prints it, waits for COUNT readers, then writes one round each INTERVAL_MS
   as the server's own sends are spaced. Prints one line of JSON: CPU of this process in its write loops, by
   getrusage(), per write. */
#include "../load/loopback.h"
#include <sys/resource.h>

static int64_t own_cpu_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return ((int64_t)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec +
           used.ru_stime.tv_usec;
}

int main(int argc, char **argv) {
    if (argc != 6) fail("usage: write_to_sockets COUNT BYTES ROUNDS INTERVAL_MS WARMUP_ROUNDS");
    int count = atoi(argv[1]), rounds = atoi(argv[3]), warmup = atoi(argv[5]);
    size_t bytes = strtoul(argv[2], NULL, 10);
    int64_t interval = (int64_t)(atof(argv[4]) * 1e6);
    char *frame = malloc(bytes);
    int *sockets = calloc((size_t)count, sizeof *sockets);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    if (!frame || !sockets || listener < 0) fail("start");
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 2048) < 0) fail("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    memset(frame, 'x', bytes);
    for (int i = 0; i < count; i++) {
        sockets[i] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (sockets[i] < 0) fail("accept");
        send_at_once(sockets[i]);
    }
    int64_t next = monotonic_ns() + 500000000, spent = 0;
    for (int round = -warmup; round < rounds; round++, next += interval) {
        struct timespec due = {next / 1000000000, next % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        int64_t before = own_cpu_us();
        for (int i = 0; i < count; i++)
            if (write(sockets[i], frame, bytes) != (ssize_t)bytes) fail("a write to a socket came up short");
        if (round >= 0) spent += own_cpu_us() - before;
    }
    printf("{\"writes\": %lld, \"cpu_us_per_write\": %.4f}\n", (long long)rounds * count,
           (double)spent / rounds / count);
    fflush(stdout);
    char end;
    return read(STDIN_FILENO, &end, 1) < 0; /* the readers count first, then the caller closes our stdin */
}
