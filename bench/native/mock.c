/* A mock upstream: answers /v1/chat/completions, whole or streamed, as fast as one core can.
 *
 * What it answers is asked for in the prompt, which every gateway passes on: a message that begins
 *     mock:chunks=100,rate=50,first_ms=10,prompt=120,cached=0,chunked=1,pad=0
 * `chunks` tokens at `rate` per second (0: at once) after `first_ms`; `chunked` frames a whole answer in chunks; `pad`
 * bytes of text in each chunk. Each streamed chunk carries "@" and 19 digits: the monotonic nanoseconds of its
 * sending, so that whoever reads it on the same machine knows how long it was under way.
 * `stream_options.include_usage`, `continuous_usage_stats` (vLLM) and `timings_per_token` (llama.cpp) are honoured. */
#include "net.h"

#define PAD_MAX 4096
#define EDGE 4096 /* flags and directive stand within this many bytes of either end of a body */

struct ask {
    long chunks, rate, first_ms, prompt, cached, chunked, pad;
    bool stream, usage, usage_each, timings;
};

struct conn {
    struct timer timer; /* first: a timer in the heap is its connection */
    struct buffer in, out;
    int fd;
    bool busy, writing;
    long sent;
    struct ask ask;
};

static struct heap heap;
static int epoll, listener;
static long requests, connections, streams_open, streams_aborted, progress_asked;
static volatile sig_atomic_t stopped;
static char padding[PAD_MAX + 1];

static void on_signal(int sig) {
    (void)sig;
    stopped = 1;
}

static void interest(struct conn *c, bool writing) {
    if (c->writing == writing) return;
    c->writing = writing;
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void conn_close(struct conn *c) {
    if (c->busy && c->ask.stream) streams_open--, streams_aborted++;
    heap_take(&heap, &c->timer);
    close(c->fd);
    free(c->in.data);
    free(c->out.data);
    free(c);
}

/* Writes what the socket takes and keeps the rest; false when the connection is gone. */
static bool conn_write(struct conn *c, const char *data, size_t len) {
    ssize_t n = 0;
    if (!c->out.len) {
        n = write(c->fd, data, len);
        if (n < 0 && errno != EAGAIN) return false;
        if (n < 0) n = 0;
        if ((size_t)n == len) return true;
    }
    if (!buffer_add(&c->out, data + n, len - (size_t)n)) return false;
    interest(c, true);
    return true;
}

static long number(const char *at, const char *end, const char *name, long otherwise) {
    const char *found = memmem(at, (size_t)(end - at), name, strlen(name));
    return found ? strtol(found + strlen(name), NULL, 10) : otherwise;
}

/* Is `"name":true` (or with one space) in the first or last EDGE bytes of the body? */
static bool flag(const char *body, size_t len, const char *name) {
    size_t n = strlen(name), edge = len < EDGE ? len : EDGE;
    const char *places[2] = {body, body + len - edge};
    for (int i = 0; i < (len > EDGE ? 2 : 1); i++) {
        const char *at = memmem(places[i], edge, name, n);
        if (!at) continue;
        at += n;
        while (*at == ' ' || *at == ':') at++;
        return strncmp(at, "true", 4) == 0;
    }
    return false;
}

static struct ask ask_read(const char *body, size_t len) {
    struct ask a = {.chunks = 20, .prompt = 120, .rate = 0};
    a.stream = flag(body, len, "\"stream\"");
    a.usage = flag(body, len, "\"include_usage\"");
    a.usage_each = flag(body, len, "\"continuous_usage_stats\"");
    a.timings = flag(body, len, "\"timings_per_token\"");
    const char *from = memmem(body, len < EDGE ? len : EDGE, "mock:", 5);
    if (!from) return a;
    const char *end = from;
    while (end < body + len && *end != ' ' && *end != '"') end++;
    a.chunks = number(from, end, "chunks=", a.chunks);
    a.rate = number(from, end, "rate=", a.rate);
    a.first_ms = number(from, end, "first_ms=", 0);
    a.prompt = number(from, end, "prompt=", a.prompt);
    a.cached = number(from, end, "cached=", 0);
    a.chunked = number(from, end, "chunked=", 0);
    a.pad = number(from, end, "pad=", 0);
    if (a.pad < 0 || a.pad > PAD_MAX) a.pad = 0;
    return a;
}

static int usage_print(char *to, size_t room, const struct ask *a, long output) {
    return snprintf(to, room,
                    "\"usage\":{\"prompt_tokens\":%ld,\"completion_tokens\":%ld,\"total_tokens\":%ld,"
                    "\"prompt_tokens_details\":{\"cached_tokens\":%ld}}",
                    a->prompt, output, a->prompt + output, a->cached);
}

static bool plain(struct conn *c, const char *status, const char *body, size_t len, bool chunked) {
    char text[2048];
    const char *framed = "HTTP/1.1 %s\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
                         "%zx\r\n%.*s\r\n0\r\n\r\n";
    const char *counted = "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%.*s";
    int n = snprintf(text, sizeof text, chunked ? framed : counted, status, len, (int)len, body);
    return conn_write(c, text, (size_t)n);
}

static bool whole(struct conn *c) {
    char body[1024], usage[256];
    usage_print(usage, sizeof usage, &c->ask, c->ask.chunks);
    int n = snprintf(body, sizeof body,
                     "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1700000000,"
                     "\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                     "\"content\":\"The valve is open.\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],%s}", usage);
    c->busy = false;
    return plain(c, "200 OK", body, (size_t)n, c->ask.chunked);
}

/* One event as one HTTP chunk. The size is written in four hex digits so that the text is printed once, in place. */
static bool chunk_send(struct conn *c, char *text, int n) {
    char size[5];
    snprintf(size, sizeof size, "%04x", n);
    memcpy(text - 6, size, 4);
    memcpy(text - 2, "\r\n", 2);
    memcpy(text + n, "\r\n", 2);
    return conn_write(c, text - 6, (size_t)n + 8);
}

static bool stream_step(struct conn *c) {
    char space[PAD_MAX + 2048], *text = space + 6;
    size_t room = sizeof space - 16;
    const char *head = "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                       "\"model\":\"bench\",\"choices\":";
    bool last = c->sent == c->ask.chunks;
    int n = snprintf(text, room, "%s[{\"index\":0,\"delta\":{", head);
    if (last) n += snprintf(text + n, room - (size_t)n, "},\"finish_reason\":\"stop\"}]");
    else n += snprintf(text + n, room - (size_t)n, "\"content\":\"@%0*lld %.*stok\"},\"finish_reason\":null}]",
                       STAMP_DIGITS, (long long)now_ns(), (int)c->ask.pad, padding);
    c->sent += !last;
    if (c->ask.usage_each) {
        text[n++] = ',';
        n += usage_print(text + n, room - (size_t)n, &c->ask, c->sent);
    }
    if (c->ask.timings)
        n += snprintf(text + n, room - (size_t)n,
                      ",\"timings\":{\"cache_n\":%ld,\"prompt_n\":%ld,\"prompt_ms\":11.5,\"prompt_per_token_ms\":0.1,"
                      "\"predicted_n\":%ld,\"predicted_ms\":%ld.5,\"predicted_per_second\":50.0}",
                      c->ask.cached, c->ask.prompt - c->ask.cached, c->sent, c->sent * 20);
    n += snprintf(text + n, room - (size_t)n, "}\n\n");
    if (!chunk_send(c, text, n)) return false;
    if (!last) return true;
    if (c->ask.usage) {
        n = snprintf(text, room, "%s[],", head);
        n += usage_print(text + n, room - (size_t)n, &c->ask, c->sent);
        n += snprintf(text + n, room - (size_t)n, "}\n\n");
        if (!chunk_send(c, text, n)) return false;
    }
    c->busy = false;
    streams_open--;
    return conn_write(c, "000e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", 27);
}

static bool parse(struct conn *c);

/* A timer ran out: the answer begins or goes on. */
static bool due(struct conn *c) {
    if (!c->ask.stream) return whole(c) && parse(c);
    if (!stream_step(c)) return false;
    if (!c->busy) return parse(c);
    if (c->ask.rate > 0) c->timer.due_ns += 1000000000 / c->ask.rate;
    heap_add(&heap, &c->timer);
    return true;
}

static bool begin(struct conn *c, const char *body, size_t len) {
    c->ask = ask_read(body, len);
    progress_asked += c->ask.usage_each || c->ask.timings;
    c->busy = true;
    c->sent = 0;
    c->timer.due_ns = now_ns() + c->ask.first_ms * 1000000;
    if (c->ask.stream) {
        streams_open++;
        const char *head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                           "transfer-encoding: chunked\r\n\r\n";
        if (!conn_write(c, head, strlen(head))) return false;
    } else if (!c->ask.first_ms) {
        return whole(c);
    }
    heap_add(&heap, &c->timer);
    return true;
}

static bool answer(struct conn *c, const char *head, const char *body, size_t len) {
    requests++;
    char text[512];
    int n;
    if (strncmp(head, "POST /v1/chat/completions", 25) == 0) return begin(c, body, len);
    if (strncmp(head, "GET /stats", 10) == 0) {
        n = snprintf(text, sizeof text,
                     "{\"requests\":%ld,\"connections\":%ld,\"streams_open\":%ld,\"streams_aborted\":%ld,"
                     "\"progress_asked\":%ld}", requests, connections, streams_open, streams_aborted, progress_asked);
        return plain(c, "200 OK", text, (size_t)n, false);
    }
    if (strncmp(head, "GET /v1/models", 14) == 0) {
        n = snprintf(text, sizeof text, "{\"object\":\"list\",\"data\":[{\"id\":\"bench\",\"object\":\"model\"}]}");
        return plain(c, "200 OK", text, (size_t)n, false);
    }
    if (strncmp(head, "GET /health", 11) == 0) return plain(c, "200 OK", "{}", 2, false);
    return plain(c, "404 Not Found", "{\"error\":{\"message\":\"no such path\"}}", 36, false);
}

/* Puts a chunked body together in place; its length, -1 while incomplete, -2 when malformed. *used: bytes it took. */
static long body_join(char *from, char *end, size_t *used) {
    const char *at = from, *data;
    long total = 0, size;
    while ((size = chunk_next(at, end, &data)) > 0) total += size, at = data + size + 2;
    if (size < 0) return size;
    *used = (size_t)(data - from);
    char *to = from;
    for (at = from; (size = chunk_next(at, end, &data)) > 0; at = data + size + 2) {
        memmove(to, data, (size_t)size); /* to the left only: the framing that follows stays whole */
        to += size;
    }
    return total;
}

/* Serves every complete request in the buffer, one at a time: a pipelined one waits for the answer before it. */
static bool parse(struct conn *c) {
    while (!c->busy && c->in.len) {
        c->in.data[c->in.len] = 0;
        char *end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
        if (!end) return c->in.len < READ_STEP;
        size_t head = (size_t)(end + 4 - c->in.data), used = 0;
        const char *length = header_find(c->in.data, head, "content-length:");
        const char *coding = header_find(c->in.data, head, "transfer-encoding:");
        long body = length ? strtol(length, NULL, 10) : 0;
        if (coding) body = body_join(c->in.data + head, c->in.data + c->in.len, &used);
        else used = (size_t)body;
        if (body == -2 || body > (long)BUFFER_MAX) return false;
        if (body == -1 || c->in.len < head + used) return body == -1 || buffer_room(&c->in, head + used - c->in.len);
        if (!answer(c, c->in.data, c->in.data + head, (size_t)body)) return false;
        buffer_drop(&c->in, head + used);
    }
    return true;
}

static bool readable(struct conn *c) {
    for (;;) {
        if (!buffer_room(&c->in, READ_STEP)) return false;
        size_t room = c->in.cap - c->in.len - 1;
        ssize_t n = read(c->fd, c->in.data + c->in.len, room);
        if (n == 0) return false;
        if (n < 0) return errno == EAGAIN;
        c->in.len += (size_t)n;
        if (!parse(c)) return false;
        if ((size_t)n < room) return true; /* level-triggered: what came since is told again */
    }
}

static bool writable(struct conn *c) {
    ssize_t n = write(c->fd, c->out.data, c->out.len);
    if (n < 0) return errno == EAGAIN;
    buffer_drop(&c->out, (size_t)n);
    if (!c->out.len) interest(c, false);
    return true;
}

static void welcome(void) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        socket_ready(fd);
        struct conn *c = calloc(1, sizeof *c);
        if (!c) die("memory");
        c->fd = fd;
        c->timer.place = -1;
        connections++;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

static void serve(void) {
    struct epoll_event events[256];
    while (!stopped) {
        int n = wait_until(epoll, events, 256, heap.len ? heap.at[0]->due_ns : 0);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c) {
                welcome();
                continue;
            }
            bool alive = !(events[i].events & EPOLLERR);
            if (alive && events[i].events & EPOLLOUT) alive = writable(c);
            if (alive && events[i].events & (EPOLLIN | EPOLLHUP)) alive = readable(c);
            if (!alive) conn_close(c);
        }
        int64_t now = now_ns();
        for (int budget = 256; budget && heap.len && heap.at[0]->due_ns <= now; budget--) {
            struct conn *c = (struct conn *)heap.at[0];
            heap_take(&heap, &c->timer);
            if (!due(c)) conn_close(c);
        }
    }
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 0, one = 1;
    memset(padding, 'a', PAD_MAX);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1000);
    struct sockaddr_in a = loopback(port);
    socklen_t size = sizeof a;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 4096)) die("listen");
    getsockname(listener, (struct sockaddr *)&a, &size);
    epoll = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    serve();
    return 0;
}
