"""Pages over HTTP: health and metrics for monitoring, on this machine only unless the configuration says otherwise."""

from mailwatch.web.exposition import Process
from mailwatch.web.health import Subject, health_app
from mailwatch.web.server import serving

__all__ = ["Process", "Subject", "health_app", "serving"]
