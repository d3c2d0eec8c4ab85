"""Templates → words, by language: subject, plain text and HTML of what mailwatch sends.

Words only: who is written to, and which headers the message carries, is `domain/composition.py`.
"""

from mailwatch.rendering.renderer import TemplateRenderer
from mailwatch.rendering.reports import fold
from mailwatch.rendering.samples import sample_facts, sample_note, sample_notice

__all__ = ["TemplateRenderer", "fold", "sample_facts", "sample_note", "sample_notice"]
