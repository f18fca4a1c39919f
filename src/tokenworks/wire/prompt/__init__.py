"""Requests that change their dialect: one vocabulary, a reader and a writer per dialect, one table of what is lost."""
