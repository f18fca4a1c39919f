"""The store in memory: the same decisions over dictionaries. Tests and the simulator use it; nothing survives it."""
