"""The journal: a gateway worker's append-only file of facts, and what reads it. The books are derived from journals."""
