/* Latencies in bounded memory: buckets 0.8 % apart from a nanosecond to centuries. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define FINE 128 /* buckets per doubling */

struct histogram {
    uint64_t count, at[64 * FINE];
    int64_t max_ns;
};

static inline void record(struct histogram *h, int64_t ns) {
    if (ns < 1) ns = 1;
    if (ns > h->max_ns) h->max_ns = ns;
    int top = 63 - __builtin_clzll((uint64_t)ns);
    int at = top < 7 ? (int)ns : (top - 6) * FINE + (int)((ns >> (top - 7)) & (FINE - 1));
    h->at[at]++;
    h->count++;
}

/* The value below which `share` of the records lie, in microseconds. */
static inline double quantile(const struct histogram *h, double share) {
    uint64_t seen = 0, need = (uint64_t)(share * (double)h->count);
    for (int i = 0; i < 64 * FINE; i++)
        if ((seen += h->at[i]) > need) {
            int top = i / FINE + 6;
            double ns = i < FINE ? i : (double)((uint64_t)(FINE + i % FINE) << (top - 7));
            return ns / 1000;
        }
    return (double)h->max_ns / 1000;
}

#endif
