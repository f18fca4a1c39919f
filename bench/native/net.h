/* What the mock upstream and the load generator share: a clock, a growing buffer, a timer heap, HTTP framing.
 *
 * Both are one thread around one epoll, and every buffer has a bound, so that neither becomes what is measured. */
#ifndef NET_H
#define NET_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_MAX (64u << 20) /* one message: twice the largest body a gateway takes */
#define READ_STEP (64u << 10)
#define STAMP_DIGITS 19        /* monotonic nanoseconds, zero-padded: 292 years */

static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void die(const char *why) {
    fprintf(stderr, "%s: %s\n", why, strerror(errno));
    exit(2);
}

struct buffer {
    char *data;
    size_t len, cap;
};

/* Room for `more` bytes plus a closing NUL; false when the bound is reached. */
static inline bool buffer_room(struct buffer *b, size_t more) {
    size_t need = b->len + more + 1;
    if (need <= b->cap) return true;
    if (need > BUFFER_MAX) return false;
    size_t cap = b->cap ? b->cap : 4096;
    while (cap < need) cap *= 2;
    b->data = realloc(b->data, cap);
    if (!b->data) die("memory");
    b->cap = cap;
    return true;
}

static inline bool buffer_add(struct buffer *b, const char *data, size_t len) {
    if (!buffer_room(b, len)) return false;
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return true;
}

static inline void buffer_drop(struct buffer *b, size_t n) {
    b->len -= n;
    if (b->len) memmove(b->data, b->data + n, b->len);
}

/* A binary heap of things that are due; each knows its place so that it can be taken out. */
struct timer {
    int64_t due_ns;
    int place; /* -1: not in the heap */
};

struct heap {
    struct timer **at;
    int len, cap;
};

static inline void heap_put(struct heap *h, int i, struct timer *t) {
    h->at[i] = t;
    t->place = i;
}

static inline void heap_up(struct heap *h, int i, struct timer *t) {
    while (i > 0 && h->at[(i - 1) / 2]->due_ns > t->due_ns) {
        heap_put(h, i, h->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(h, i, t);
}

static inline void heap_down(struct heap *h, int i, struct timer *t) {
    for (;;) {
        int child = 2 * i + 1;
        if (child >= h->len) break;
        if (child + 1 < h->len && h->at[child + 1]->due_ns < h->at[child]->due_ns) child++;
        if (h->at[child]->due_ns >= t->due_ns) break;
        heap_put(h, i, h->at[child]);
        i = child;
    }
    heap_put(h, i, t);
}

static inline void heap_add(struct heap *h, struct timer *t) {
    if (h->len == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 256;
        h->at = realloc(h->at, (size_t)h->cap * sizeof *h->at);
        if (!h->at) die("memory");
    }
    heap_up(h, h->len++, t);
}

static inline void heap_take(struct heap *h, struct timer *t) {
    int i = t->place;
    if (i < 0) return;
    t->place = -1;
    struct timer *last = h->at[--h->len];
    if (last == t) return;
    if (i > 0 && h->at[(i - 1) / 2]->due_ns > last->due_ns) heap_up(h, i, last);
    else heap_down(h, i, last);
}

/* Waits for events until `due_ns` (0: no limit), to the nanosecond as far as the kernel allows. */
static inline int wait_until(int epoll, struct epoll_event *events, int max, int64_t due_ns) {
    if (!due_ns) return epoll_pwait2(epoll, events, max, NULL, NULL);
    int64_t left = due_ns - now_ns();
    if (left < 0) left = 0;
    struct timespec t = {left / 1000000000, left % 1000000000};
    return epoll_pwait2(epoll, events, max, &t, NULL);
}

static inline void socket_ready(int fd) {
    int one = 1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline struct sockaddr_in loopback(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

/* The value of a header in [head, head+len), NUL when absent. `name` in lower case with its colon. */
static inline const char *header_find(const char *head, size_t len, const char *name) {
    size_t n = strlen(name);
    const char *end = head + len;
    for (const char *line = head; (line = memchr(line, '\n', (size_t)(end - line))) != NULL;) {
        line++;
        if ((size_t)(end - line) > n && strncasecmp(line, name, n) == 0) {
            line += n;
            while (*line == ' ') line++;
            return line;
        }
    }
    return NULL;
}

/* One step through chunked framing held in [at, end): the size of the chunk whose data begin at *data, -1 when more
 * bytes are needed, -2 when it is not chunked framing. Size 0 is the end: *data then points behind the trailers. */
static inline long chunk_next(const char *at, const char *end, const char **data) {
    const char *line = memchr(at, '\n', (size_t)(end - at));
    if (!line) return end - at > 64 ? -2 : -1;
    char *stop;
    long size = strtol(at, &stop, 16);
    if (stop == at || size < 0 || size > (long)BUFFER_MAX) return -2;
    *data = line + 1;
    if (size > 0) return end - *data >= size + 2 ? size : -1;
    for (;;) { /* trailers, up to the empty line */
        line = memchr(*data, '\n', (size_t)(end - *data));
        if (!line) return -1;
        bool empty = line - *data <= 1;
        *data = line + 1;
        if (empty) return 0;
    }
}

#endif
