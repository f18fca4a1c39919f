"""The books and the policy on disk: small ports, three implementations (SQLite, PostgreSQL, memory), one contract."""
