"""The embedded engine: llama.cpp's server with our own tiny model, as a child process."""
