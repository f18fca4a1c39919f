/* A load generator for one gateway on this machine: a closed loop of connections, or an open loop at a rate.
 *
 * It asks the mock (through whatever stands between) for whole or streamed answers, checks that each came back
 * complete, and prints one JSON object: counts, and latencies in microseconds. In the open loop a latency counts from
 * the moment the request was due, so a stalled gateway cannot hide behind the requests it kept from being sent. A
 * chunk's delay is its arrival here minus the sending time that the mock wrote into it. SIGTERM ends the run and prints
 * what there is. */
#include "net.h"
#include "histogram.h"
#include <getopt.h>

#define BODIES_MAX 16
#define CONNS_MAX 4096
#define ERRORS_MAX 1000 /* then the run ends: what follows would measure a broken gateway */

enum framing { HEAD, LENGTH, CHUNKED, UNTIL_CLOSE };

struct conn {
    struct timer timer; /* first: a timer in the heap is its connection */
    struct buffer in, text;
    const char *out;
    size_t out_len;
    int fd;
    bool busy, done, closing, writing, streaming;
    enum framing framing;
    long status, left, chunks;
    int64_t start_ns;
};

static struct {
    int port;
    const char *path, *key, *model;
    char headers[2048], ask[256];
    long conns, requests, chunks, ramp_ms;
    double rate, seconds;
    bool stream, include_usage, hold;
    char *bodies[BODIES_MAX];
    size_t body_len[BODIES_MAX];
    int body_count;
} want = {.path = "/v1/chat/completions", .key = "none", .model = "bench", .conns = 1, .chunks = 20};

static struct {
    long sent, done, errors, chunks, bytes, reconnects, open_max, open, usage_events, timing_events, streams;
    char error[512];
    struct histogram latency, ttft, chunk;
} got;

static struct heap heap;
static struct conn *conns, **idle;
static int epoll, idle_count;
static int64_t begin_ns, end_ns, next_due_ns, interval_ns;
static volatile sig_atomic_t stopped;

static void on_signal(int sig) {
    (void)sig;
    stopped = 1;
}

static void failed(const char *why, const char *detail, size_t len) {
    if (!got.errors++) snprintf(got.error, sizeof got.error, "%s: %.*s", why, (int)(len > 300 ? 300 : len), detail);
    if (got.errors >= ERRORS_MAX) stopped = 1;
}

static void interest(struct conn *c, bool writing) {
    if (c->writing == writing) return;
    c->writing = writing;
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void dial(struct conn *c) {
    struct sockaddr_in a = loopback(want.port);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a)) die("connect");
    socket_ready(c->fd);
    c->writing = c->closing = false;
    c->in.len = 0;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
}

static void redial(struct conn *c) {
    close(c->fd);
    got.reconnects++;
    dial(c);
}

static bool more_wanted(void) {
    return !stopped && (!want.requests || got.sent < want.requests) && (!end_ns || now_ns() < end_ns);
}

static void push(struct conn *c) {
    while (c->out_len) {
        ssize_t n = write(c->fd, c->out, c->out_len);
        if (n < 0) {
            if (errno == EAGAIN) interest(c, true);
            return; /* any other error shows again as the end of the reading side */
        }
        c->out += n;
        c->out_len -= (size_t)n;
    }
    interest(c, false);
}

static void send_next(struct conn *c, int64_t start_ns) {
    int body = (int)(got.sent++ % want.body_count);
    c->busy = true;
    c->done = c->streaming = false;
    c->framing = HEAD;
    c->status = c->chunks = 0;
    c->text.len = 0;
    c->start_ns = start_ns;
    c->out = want.bodies[body];
    c->out_len = want.body_len[body];
    push(c);
}

static void dispatch(void) {
    while (idle_count && next_due_ns <= now_ns() && more_wanted()) {
        send_next(idle[--idle_count], next_due_ns);
        next_due_ns += interval_ns;
    }
}

/* The answer is complete, or the connection is gone. */
static void finish(struct conn *c, int64_t now, bool broken) {
    size_t len = c->text.len;
    if (broken) failed("broken", c->in.data ? c->in.data : "", c->in.len);
    else if (c->status != 200) failed("status", c->text.data ? c->text.data : "", len);
    else if (want.stream && (!c->done || c->chunks != want.chunks)) failed("short stream", c->text.data, len);
    else got.done++, record(&got.latency, now - c->start_ns);
    if (c->streaming) got.open--;
    c->busy = false;
    if (broken || c->closing) redial(c);
    if (interval_ns) {
        idle[idle_count++] = c;
        dispatch();
    } else if (more_wanted()) {
        send_next(c, now_ns());
    }
}

static void event_read(struct conn *c, const char *at, size_t len, int64_t now) {
    static const char mark[] = "\"content\":\"@";
    const char *stamp = memmem(at, len, mark, sizeof mark - 1);
    if (memmem(at, len, "\"usage\":{", 9)) got.usage_events++;
    if (memmem(at, len, "\"timings\":{", 11)) got.timing_events++;
    if (len >= 12 && memcmp(at, "data: [DONE]", 12) == 0) c->done = true;
    if (!stamp) return;
    got.chunks++;
    record(&got.chunk, now - strtoll(stamp + sizeof mark - 1, NULL, 10));
    if (c->chunks++) return;
    record(&got.ttft, now - c->start_ns);
    c->streaming = true;
    got.streams++;
    if (++got.open > got.open_max) got.open_max = got.open;
    if (want.hold && got.open == want.conns) fprintf(stderr, "open %ld\n", got.open);
}

static void body_read(struct conn *c, const char *data, size_t len, int64_t now) {
    got.bytes += (long)len;
    if (!want.stream && c->status == 200) return;
    buffer_add(&c->text, data, len);
    if (c->status != 200) return;
    char *at = c->text.data, *end = at + c->text.len, *stop;
    while ((stop = memmem(at, (size_t)(end - at), "\n\n", 2))) {
        event_read(c, at, (size_t)(stop - at), now);
        at = stop + 2;
    }
    buffer_drop(&c->text, (size_t)(at - c->text.data));
}

/* Reads the head; the number of bytes it took, 0 while incomplete. */
static size_t head_read(struct conn *c, const char *at, size_t len) {
    const char *end = memmem(at, len, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end + 4 - at);
    const char *length = header_find(at, head, "content-length:"), *close = header_find(at, head, "connection:");
    c->status = strtol(at + 9, NULL, 10);
    c->closing = close && strncasecmp(close, "close", 5) == 0;
    c->left = length ? strtol(length, NULL, 10) : 0;
    if (header_find(at, head, "transfer-encoding:")) c->framing = CHUNKED;
    else c->framing = length ? LENGTH : UNTIL_CLOSE;
    return head;
}

/* Takes what is complete from [at, end); how far it came. Sets *ended when the answer is over. */
static const char *body_step(struct conn *c, const char *at, const char *end, int64_t now, bool *ended) {
    const char *data;
    long size = end - at;
    if (c->framing == CHUNKED) {
        size = chunk_next(at, end, &data);
        if (size == 0) return *ended = true, data;
        if (size < 0) return at;
        body_read(c, data, (size_t)size, now);
        return data + size + 2;
    }
    if (c->framing == LENGTH && size > c->left) size = c->left;
    body_read(c, at, (size_t)size, now);
    c->left -= size;
    *ended = c->framing == LENGTH && c->left == 0;
    return at + size;
}

static void answer_read(struct conn *c, int64_t now) {
    const char *at = c->in.data, *end = at + c->in.len;
    bool ended = false;
    if (c->framing == HEAD) at += head_read(c, at, c->in.len);
    while (c->framing != HEAD && !ended) {
        const char *next = body_step(c, at, end, now, &ended);
        if (next == at) break;
        at = next;
    }
    if (ended && at < end) failed("bytes behind the answer", at, (size_t)(end - at));
    buffer_drop(&c->in, (size_t)(at - c->in.data));
    if (ended) finish(c, now, false);
}

static void readable(struct conn *c) {
    if (!buffer_room(&c->in, READ_STEP)) die("answer too large");
    ssize_t n = read(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len - 1);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        if (!c->busy) redial(c);
        else if (n == 0 && c->framing == UNTIL_CLOSE) c->closing = true, finish(c, now_ns(), false);
        else finish(c, now_ns(), true);
        return;
    }
    c->in.len += (size_t)n;
    c->in.data[c->in.len] = 0;
    if (c->busy) answer_read(c, now_ns());
    else failed("bytes without a request", c->in.data, c->in.len), c->in.len = 0;
}

/* A request of `size` bytes of body: JSON, the prompt padded with code-like text that needs escapes. */
static void body_make(int i, size_t size) {
    static const char filler[] = "def flow(n):\\n    return \\\"open\\\" if n > 0 else None\\n";
    char head[512], *body = malloc(size + 4096);
    int n = snprintf(head, sizeof head,
                     "{\"model\":\"%s\",%s%s\"messages\":[{\"role\":\"user\",\"content\":\"mock:%s ", want.model,
                     want.stream ? "\"stream\":true," : "",
                     want.include_usage ? "\"stream_options\":{\"include_usage\":true}," : "", want.ask);
    size_t len = (size_t)n, step = sizeof filler - 1, tail = 4;
    memcpy(body, head, len);
    for (; len + step + tail <= size; len += step) memcpy(body + len, filler, step);
    while (len + tail < size) body[len++] = 'a';
    memcpy(body + len, "\"}]}", tail);
    len += tail;
    char *text = malloc(len + 4096);
    n = snprintf(text, 4096,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
                 "Content-Type: application/json\r\nAccept: application/json\r\nUser-Agent: bench/1\r\n"
                 "%sContent-Length: %zu\r\n\r\n", want.path, want.port, want.key, want.headers, len);
    memcpy(text + n, body, len);
    free(body);
    want.bodies[i] = text;
    want.body_len[i] = (size_t)n + len;
}

static void header_add(const char *header) {
    size_t len = strlen(want.headers);
    snprintf(want.headers + len, sizeof want.headers - len, "%s\r\n", header);
}

static void options(int argc, char **argv) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'}, {"path", 1, 0, 'P'}, {"key", 1, 0, 'k'}, {"model", 1, 0, 'm'}, {"header", 1, 0, 'H'},
        {"conns", 1, 0, 'c'}, {"rate", 1, 0, 'r'}, {"requests", 1, 0, 'n'}, {"seconds", 1, 0, 's'},
        {"bodies", 1, 0, 'b'}, {"stream", 0, 0, 'S'}, {"chunks", 1, 0, 'C'}, {"ask", 1, 0, 'a'},
        {"ramp-ms", 1, 0, 'R'}, {"include-usage", 0, 0, 'u'}, {"hold", 0, 0, 'h'}, {0, 0, 0, 0}};
    const char *bodies = "600", *ask = "";
    for (int o; (o = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (o) {
        case 'p': want.port = atoi(optarg); break;
        case 'P': want.path = optarg; break;
        case 'k': want.key = optarg; break;
        case 'm': want.model = optarg; break;
        case 'H': header_add(optarg); break;
        case 'c': want.conns = atol(optarg); break;
        case 'r': want.rate = atof(optarg); break;
        case 'n': want.requests = atol(optarg); break;
        case 's': want.seconds = atof(optarg); break;
        case 'b': bodies = optarg; break;
        case 'S': want.stream = true; break;
        case 'C': want.chunks = atol(optarg); break;
        case 'a': ask = optarg; break;
        case 'R': want.ramp_ms = atol(optarg); break;
        case 'u': want.include_usage = true; break;
        case 'h': want.hold = true; break;
        default: exit(2);
        }
    }
    if (!want.port || want.conns < 1 || want.conns > CONNS_MAX || !(want.requests || want.seconds > 0)) {
        fprintf(stderr, "load: --port, --conns 1..%d and --requests or --seconds are needed\n", CONNS_MAX);
        exit(2);
    }
    snprintf(want.ask, sizeof want.ask, "chunks=%ld%s%s", want.chunks, *ask ? "," : "", ask);
    for (char *at = (char *)bodies; *at && want.body_count < BODIES_MAX; at += *at == ',')
        body_make(want.body_count++, strtoul(at, &at, 10));
}

static void latency_print(const char *name, const struct histogram *h) {
    printf("\"%s\":{\"count\":%llu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},", name, (unsigned long long)h->count,
           quantile(h, 0.5), quantile(h, 0.99), (double)h->max_ns / 1000);
}

static void quoted_print(const char *name, const char *text) {
    printf("\"%s\":\"", name);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') printf("\\%c", *text);
        else if ((unsigned char)*text >= ' ' && (unsigned char)*text < 127) putchar(*text);
        else putchar(' ');
    }
    putchar('"');
}

static void report(double seconds) {
    printf("{\"requests\":%ld,\"sent\":%ld,\"errors\":%ld,\"seconds\":%.6f,\"rps\":%.1f,\"bytes\":%ld,"
           "\"reconnects\":%ld,\"chunks\":%ld,\"streams\":%ld,\"open_streams_max\":%ld,"
           "\"usage_events\":%ld,\"timing_events\":%ld,",
           got.done, got.sent, got.errors, seconds, (double)got.done / seconds, got.bytes, got.reconnects, got.chunks,
           got.streams, got.open_max, got.usage_events, got.timing_events);
    latency_print("latency_us", &got.latency);
    latency_print("ttft_us", &got.ttft);
    latency_print("chunk_us", &got.chunk);
    quoted_print("error", got.error);
    printf("}\n");
}

static void start(void) {
    conns = calloc((size_t)want.conns, sizeof *conns);
    idle = calloc((size_t)want.conns, sizeof *idle);
    if (!conns || !idle) die("memory");
    begin_ns = next_due_ns = now_ns();
    if (want.seconds > 0) end_ns = begin_ns + (int64_t)(want.seconds * 1e9);
    if (want.rate > 0) interval_ns = (int64_t)(1e9 / want.rate);
    for (long i = 0; i < want.conns; i++) {
        conns[i].timer.place = -1;
        conns[i].timer.due_ns = begin_ns + want.ramp_ms * 1000000 * i / want.conns;
        if (interval_ns) dial(&conns[i]), idle[idle_count++] = &conns[i];
        else heap_add(&heap, &conns[i].timer);
    }
}

static bool running(void) {
    if (more_wanted()) return true;
    for (long i = 0; i < want.conns && !stopped; i++)
        if (conns[i].busy) return true;
    return false;
}

static int64_t next_timer(void) {
    int64_t next = now_ns() + 100000000; /* look at the end condition now and then */
    if (heap.len && heap.at[0]->due_ns < next) next = heap.at[0]->due_ns;
    if (interval_ns && idle_count && more_wanted() && next_due_ns < next) next = next_due_ns;
    return next;
}

int main(int argc, char **argv) {
    struct epoll_event events[256];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1000);
    epoll = epoll_create1(0);
    options(argc, argv);
    start();
    while (running()) {
        int n = wait_until(epoll, events, 256, next_timer());
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) push(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
        }
        for (int64_t now = now_ns(); heap.len && heap.at[0]->due_ns <= now;) {
            struct conn *c = (struct conn *)heap.at[0];
            heap_take(&heap, &c->timer);
            dial(c);
            if (more_wanted()) send_next(c, now_ns());
        }
        if (interval_ns) dispatch();
    }
    report((double)(now_ns() - begin_ns) / 1e9);
    return got.errors ? 1 : 0;
}
