"""The database: SQLite or PostgreSQL behind `ports.Store`, with what people read from it and what keeps it consistent.

Nothing outside this package knows SQLAlchemy. Every instant is UTC; every `now` is the transaction's own.
"""
