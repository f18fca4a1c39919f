"""A limit on everything, in one place, each with its reason (DESIGN 4.9)."""

from __future__ import annotations

# --- requests in ---
BODY_BYTES_MAX = 32 * 1024 * 1024  # Anthropic's request limit; OpenAI accepts less
TRANSLATED_BYTES_AT_ONCE = 512 * 1024  # larger bodies that change their dialect are admitted beside the loop
TRANSLATED_ITEMS_AT_ONCE = 500  # messages, parts and tools of one: 20 to 40 us each, 20 ms of the loop
QUESTIONS_MAX = 8  # about inputs, of one account, on their way from a worker: nobody pays for them
HEADER_COUNT_MAX = 100  # Node and Apache: 100
HEADER_BYTES_MAX = 64 * 1024  # Node 80 KiB, Tomcat 8 KiB; coding agents send 3-6 KiB
TARGET_BYTES_MAX = 8 * 1024  # nginx: 8 KiB
HEAD_WAIT_S = 10  # a head that is not complete by then is a slow client
BODY_RATE_BYTES_PER_S_MIN = 1024  # slower uploads are cut: slowloris
BODY_WAIT_S = 30  # grace before the rate counts
IDLE_WAIT_S = 75  # keep-alive between requests; nginx: 75 s
PIPELINE_DEPTH_MAX = 16  # requests read ahead on one connection before reading pauses
CONNECTION_BYTES_MAX = 40 * 1024 * 1024  # one body of 32 MiB and what surrounds it
ACCOUNT_BYTES_MAX = 256 * 1024 * 1024  # bodies in flight for one account, per worker
WORKER_BYTES_MAX = 1024 * 1024 * 1024  # bodies in flight in one worker
CONNECTIONS_MAX = 20_000  # per worker; below the usual file limit with room for upstreams
DISCARD_BYTES_MAX = 32 * 1024 * 1024  # of a body that nobody wants any more: read away so that its answer arrives
LINGER_S = 5  # a connection that is closed while its client still sends is read so long
IMAGE_CHARS_MAX = 10 * 1024 * 1024  # of one image in base64: Anthropic's limit; OpenAI accepts more
SCHEMA_NODES_MAX = 10_000  # schemas within one schema: that of a large tool has hundreds; they are looked at one by one
SCHEMAS_KNOWN_MAX = 2_000  # schemas found sound that are remembered: the tools of dozens of agents
SCHEMA_KNOWN_BYTES_MAX = 8 * 1024  # and none that is longer, so that all of them are 16 MB at most
# --- relay ---
CLIENT_BUFFER_BYTES_MAX = 1024 * 1024  # above it the upstream is paused
CLIENT_STALL_S = 60  # a reader that takes nothing for so long is cut and billed
UPSTREAM_CONNECT_S = 10
UPSTREAM_HEAD_S = 600  # a long prefill before the first byte
UPSTREAM_STALL_S = 300  # silence in mid-stream
UPSTREAM_IDLE_S = 55  # pooled connections are dropped before the usual 60 s of servers
UPSTREAM_POOL_MAX = 1024  # idle connections kept per deployment and worker
UPSTREAM_WHOLE_BYTES_MAX = 64 * 1024 * 1024  # a whole answer; embeddings in bulk are large
EVENT_BYTES_MAX = 16 * 1024 * 1024  # one event of a stream; a finished response with an image travels in one
PING_GAP_S = 10  # a silent stream is pinged after so long
DRAIN_S = 30  # SIGTERM: open requests get so long
DNS_TTL_S = 30
ERROR_BODY_BYTES_MAX = 64 * 1024  # of an upstream's error that is kept for the record
# --- credit ---
SLICE_TOKENS = 512  # output held ahead per step
ESTIMATE_FACTOR_MAX = 8  # an answer that seems so many times its cap, by sizes alone, is ended: no estimate is so wrong
ASK_WAIT_MS = 50  # admission waits so long for the books
EXTEND_WAIT_MS = 250  # a running stream waits so long for the books before it is cut
TOPUP_WAIT_MS = 1000  # a stream at the end of its credit waits so long for a top-up before it is cut
LEASE_VALIDITY_S = 60  # a lease cuts new holds for so long after it was asked for or renewed
LEASE_IDLE_S = 30  # free credit unused for so long goes back
LEASE_SHARE_PERCENT = 10  # of what a lot has available, per grant beyond the need
LEASES_PER_WRITER_MAX = 1_000_000  # read at once when a worker says Hello: one per lot that it has spent from
LEASE_SPEND_S = 60  # and at most so many seconds of recent spend
HOLD_STEPS_MAX = 64  # steps of a hold kept on a request's record; the middle ones are folded
ATTEMPTS_MAX = 3
RETRY_AFTER_S_MAX = 60  # an upstream that wants to be left alone for longer is asked again; SDKs wait no longer either
DRAINS_MAX = 64  # streams driven to their end after the client hung up, per worker
DRAIN_STREAM_S = 120
# --- journal ---
SEGMENT_BYTES = 64 * 1024 * 1024  # preallocated
RECORD_BYTES_MAX = 256 * 1024
FLUSH_INTERVAL_MS = 100
SEGMENT_KEEP_S = 7 * 24 * 3600
POST_BATCH_MAX = 2000  # records per books transaction
RECORD_AMOUNT_MAX = 10**15  # one figure of a record (a million CNY): more is an error, and a batch's sums fit 64 bits
POST_BATCH_MS = 30  # batches shrink until they take no longer: whoever asks for credit waits behind one
POST_POLL_MS = 50  # journals are looked at so often when nobody says that something was written
WATERMARK_SLACK_MS = 1_000  # between the time in a record and its being in the journal
DISK_FREE_BYTES_MIN = 256 * 1024 * 1024  # below it work is refused before the journal could fail
FORGET_QUIET_S = 30  # a host that was heard since is not given up, unless by force
# --- policy and links ---
FRAME_BYTES_MAX = 64 * 1024 * 1024
LINK_RETRY_MS_MIN = 50  # a worker dials its control process again after so long, doubling
LINK_RETRY_MS_MAX = 2000
POLICY_AGE_S_MAX = 24 * 3600  # a gateway that has heard nothing for so long refuses
FACTS_INTERVAL_MS = 500
KEYS_PER_CHANGE = 5_000  # keys travel in pieces, so that a worker's loop is never busy for long
POLICY_POLL_MS = 1_000  # a lost ring of the bell is made good after so long
RECALL_WAIT_MS = 1_000  # a gateway that is asked to give credit back has so long; then the books answer without it
ASK_HOLD_MS = 1_000  # no ask stays without a sign of the books' life for longer; mostly it is the final answer
ASK_HOLDS_MAX = 4  # and with such signs no longer than so many times that
LEAKAGE_HOURS_KEPT = 7 * 24  # hours of engine counters against the meter
HEALTH_LOOK_S = 10  # deployments are probed so often
PROBES_AT_ONCE = 8
EXPIRY_LOOK_S = 60  # expired lots are looked for so often; nothing is lent of them in the meantime
LEAKAGE_LOOK_S = 10  # engines are asked for their counters so often
LIVE_ROWS_KEPT = 1_000  # of `request tail`, per host
LIVE_QUEUE_MAX = 1_000  # rows that one follower may be behind
WATCH_RECORDS_MAX = 20_000  # posted records that wait for the exporter of traces; more are left out and counted
WATCH_OPEN_MAX = 20_000  # beginnings kept until their ends come; of older ones the books are asked
WATCH_SPANS_MAX = 8_192  # spans that wait for a receiver that is slow or away
# --- faces ---
PAGE_ROWS_MAX = 500
DOOR_DRAIN_S = 5  # control ends: what it is answering gets so long
API_BODY_BYTES_MAX = 4 * 1024 * 1024
IDEMPOTENCY_KEEP_S = 24 * 3600
AUDIT_TEXT_CHARS_MAX = 1000  # of one text of an audit note
AUDIT_VALUE_BYTES_MAX = 2 * 1024  # of a field before or after a change; above it the note has its digest
DOCUMENTS_MAX = 5_000  # applied at once: about a minute of writing to a disk that is slow to flush
# --- books ---
BOOKS_WAIT_S = 5  # a transaction that meets locks is tried again for so long
BOOKS_CONNECT_S = 5
BOOKS_STATEMENT_S = 30  # the server cuts a statement, or an idle transaction with locks, after so long
BOOKS_RETRY_MS_MAX = 50
BOOKS_CONNECTIONS_MAX = 8  # per control process: poster, lender, API threads
BELL_RETRY_S = 2  # a lost LISTEN connection is dialled again after so long
# --- supply ---
ENGINE_SLOTS = 16  # streams that the embedded engine decodes at once; more of them queue in it
ENGINE_CACHE_MIB = 64  # its store of earlier prompts; llama.cpp's default is 8 GiB
ENGINE_BATCH_TOKENS = 2048  # one embedding's input has to fit; a larger batch stalls running streams for longer
PROBE_S = 3  # an engine that does not say within it that it is well is not
PROBE_BYTES_MAX = 1024 * 1024  # of an answer to a probe or a scrape
COUNT_THREADS = 1  # counting tokens is off the loop, and one core's worth at most
COUNT_QUEUE_MAX = 1_000  # texts that wait to be counted; beyond it the estimate stands
COUNT_QUEUE_CHARS_MAX = 1_000_000  # and all of them together: about a second's work
