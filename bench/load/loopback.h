/* What every C program of the benchmark needs: a clock, loopback sockets, an end with a reason. */
#ifndef BENCH_LOOPBACK_H
#define BENCH_LOOPBACK_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline int64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Exit 3 says to the caller "the measurement is void", with one line of why on stderr. */
__attribute__((noreturn, unused)) static void fail(const char *what) {
    if (errno)
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
    else
        fprintf(stderr, "%s\n", what);
    exit(3);
}

__attribute__((unused)) static struct sockaddr_in loopback_address(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* Nagle's algorithm off: uvloop does the same, and a held-back frame would be counted as latency. */
__attribute__((unused)) static void send_at_once(int fd) {
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) fail("TCP_NODELAY");
}

/* A connected, non-blocking socket. A loopback connect does not wait for anybody but the backlog. */
__attribute__((unused)) static int connect_loopback(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    struct sockaddr_in address = loopback_address(port);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    send_at_once(fd);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) fail("O_NONBLOCK");
    return fd;
}

/* All of `bytes` or an end: what these programs send always fits into an empty socket buffer. */
__attribute__((unused)) static void write_whole(int fd, const char *bytes, size_t length) {
    ssize_t written = write(fd, bytes, length);
    if (written != (ssize_t)length) fail("short write");
}

__attribute__((unused)) static int compare_int64(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* `sorted` must be sorted; nearest rank. */
__attribute__((unused)) static double percentile_us(const int64_t *sorted, size_t count, double share) {
    if (!count) return 0;
    size_t rank = (size_t)(share * (double)count);
    if (rank >= count) rank = count - 1;
    return (double)sorted[rank] / 1000.0;
}

#endif
