"""Submission over SMTP (RFC 5321, 6409): one `SmtpMailer` for each account; replies judged in one place."""

from mailwatch.smtp.mailer import SmtpMailer

__all__ = ["SmtpMailer"]
