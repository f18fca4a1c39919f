"""Where tokens come from: the embedded engine, engines' counters and health, tokenizers."""
