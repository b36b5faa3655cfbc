/* The least that a durable write can cost here: write() of the same bytes, then fdatasync().

   write_fdatasync FILE BYTES GROUP SECONDS RATE

   GROUP records go into one write and one fdatasync. RATE 0: as fast as they go. RATE above 0: groups are due
   at that many a second and latency counts from when one was due. The file is written in full beforehand and
   then overwritten in a ring, as a write-ahead log is after its first checkpoint: fdatasync has no new size to
   keep. Prints one line of JSON. The file is left for the caller to remove. */
#include "../load/loopback.h"

#define RING (16 << 20)
#define MOST_GROUPS 4000000

int main(int argc, char **argv) {
    if (argc != 6) fail("usage: write_fdatasync FILE BYTES GROUP SECONDS RATE");
    size_t group = strtoul(argv[3], NULL, 10), bytes = strtoul(argv[2], NULL, 10) * group;
    double rate = atof(argv[5]);
    int fd = open(argv[1], O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    char *ring = calloc(1, RING);
    int64_t *latencies = malloc(MOST_GROUPS * sizeof *latencies);
    if (fd < 0 || !ring || !latencies || !bytes || bytes > RING) fail("start");
    memset(ring, 'x', RING);
    if (write(fd, ring, RING) != RING || fsync(fd) < 0) fail("filling the file");
    int64_t start = monotonic_ns(), until = start + (int64_t)(atof(argv[4]) * 1e9), groups = 0;
    off_t at = 0;
    for (;;) {
        int64_t due = rate > 0 ? start + (int64_t)((double)groups * 1e9 / rate) : monotonic_ns();
        if (due >= until || groups == MOST_GROUPS) break;
        struct timespec when = {due / 1000000000, due % 1000000000};
        if (rate > 0) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
        if (at + (off_t)bytes > RING) at = 0;
        if (pwrite(fd, ring, bytes, at) != (ssize_t)bytes || fdatasync(fd) < 0) fail("write and fdatasync");
        at += (off_t)bytes;
        latencies[groups++] = monotonic_ns() - due;
    }
    double seconds = (double)(monotonic_ns() - start) / 1e9;
    qsort(latencies, (size_t)groups, sizeof *latencies, compare_int64);
    printf("{\"groups\": %lld, \"records_per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
           (long long)groups, (double)groups * (double)group / seconds, percentile_us(latencies, (size_t)groups, 0.50),
           percentile_us(latencies, (size_t)groups, 0.99), percentile_us(latencies, (size_t)groups, 1.0));
    return 0;
}
