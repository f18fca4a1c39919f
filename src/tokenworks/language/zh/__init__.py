"""Chinese, room by room: the English sentence, with {} for what is put in, and the Chinese one with {0}, {1}, ...

The terms are those of docs/zh/glossary.md.
"""

from __future__ import annotations

from tokenworks.language.zh import cli, documents, errors, fields, operations, otel, records, refusals, sealed, words

TABLES = (words.ROWS, operations.ROWS, errors.ROWS, fields.ROWS, refusals.ROWS, records.ROWS, cli.ROWS, documents.ROWS,
          sealed.ROWS, otel.ROWS)
