"""Bytes to facts and back: paths, fields, headers, refusals, streams. No loop, no socket, no money."""
