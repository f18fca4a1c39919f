"""The bench: what one request through the gateway costs, beside nginx and a bare relay, in the same rounds."""
