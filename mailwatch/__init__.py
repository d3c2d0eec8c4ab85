"""mailwatch keeps a public body's e-mail promises without replacing anybody's mail program."""

__version__ = "0.1.0"
