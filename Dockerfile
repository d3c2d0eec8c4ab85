# syntax=docker/dockerfile:1

# --- stage 1: the wheel, and an environment that holds it with its hash-pinned libraries
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.txt requirements-demo.txt ./
RUN python -m venv /opt/mailwatch \
    && /opt/mailwatch/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
# The demo's set holds the build back-end: it stays in this stage.
RUN pip install --no-cache-dir --require-hashes -r requirements-demo.txt
COPY pyproject.toml README.md ./
COPY mailwatch mailwatch
COPY migrations migrations
COPY templates templates
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/mailwatch/bin/pip install --no-cache-dir --no-deps --no-index /dist/*.whl

# --- stage 2: only what runs
FROM python:3.11-slim
RUN groupadd --system --gid 10001 mailwatch \
    && useradd --system --uid 10001 --gid mailwatch --home-dir /var/lib/mailwatch --no-create-home mailwatch \
    && install -d -o mailwatch -g mailwatch -m 0750 /var/lib/mailwatch
COPY --from=build /opt/mailwatch /opt/mailwatch
ENV PATH=/opt/mailwatch/bin:$PATH \
    MAILWATCH_CONFIG=/etc/mailwatch/mailwatch.toml
WORKDIR /var/lib/mailwatch
VOLUME ["/var/lib/mailwatch"]
USER 10001:10001
# Reads the workers' heartbeat in the database; needs no port.
HEALTHCHECK --interval=1m --timeout=15s --start-period=1m --retries=3 CMD ["mailwatch", "status", "--health"]
ENTRYPOINT ["mailwatch"]
CMD ["run"]
