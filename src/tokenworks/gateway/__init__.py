"""The request path on sockets: what a client sends comes in, what an upstream answers goes out, and each is bounded."""
