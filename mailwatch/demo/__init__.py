"""The main job without a configuration: embedded IMAP and SMTP servers, SQLite in a temporary folder, a story."""
