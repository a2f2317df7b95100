# The image of every role: `docker run IMAGE ingest`, `project`, `api`, `migrate`, and every other command.
# Runs as a user without rights, from a file system that may be read-only (with a /tmp), and holds no settings
# but the three at its end. The version of Python is the one that the tests run on; 3.12 and 3.13 do as well.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python -m venv /opt/billie && python -m venv /opt/build
COPY deploy/image/runtime.lock deploy/image/build.lock ./
RUN /opt/billie/bin/pip install --require-hashes -r runtime.lock \
    && /opt/build/bin/pip install --require-hashes -r build.lock
COPY pyproject.toml README.md ./
COPY alembic-free-migrations alembic-free-migrations
COPY app app
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
    && /opt/billie/bin/pip install --no-deps --no-index /dist/*.whl

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="Billie Servicing"
RUN groupadd --gid 10001 billie \
    && useradd --uid 10001 --gid billie --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin billie
COPY --from=build /opt/billie /opt/billie
WORKDIR /tmp
USER 10001:10001
ENV PATH=/opt/billie/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BILLIE_ENV=production \
    BILLIE_API_HOST=0.0.0.0 \
    BILLIE_API_PORT=8000
EXPOSE 8000
# Each role finishes what is in hand, then ends.
STOPSIGNAL SIGTERM
# Of the API; the other roles have no port, and end when they cannot go on: run them with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['BILLIE_API_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["billie"]
CMD ["api"]
