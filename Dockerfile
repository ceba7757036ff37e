# The worker's image: the rooms and their pinned dependencies, no torch. For one that trains:
#   docker build --build-arg EXTRA='[train]' -t gristmill-train:0.1.0 .
FROM python:3.11.13-slim-bookworm

ARG EXTRA=""
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DO_NOT_TRACK=1 GRISTMILL_HOME=/opt/gristmill NUMBA_CACHE_DIR=/var/lib/gristmill/numba

RUN useradd --create-home --uid 10001 gristmill \
    && install -d -o gristmill -g gristmill /opt/gristmill /opt/gristmill/builds /var/lib/gristmill
WORKDIR /opt/gristmill
# torch.compile writes C++ and needs a compiler for it.
RUN if [ -n "${EXTRA}" ]; then \
        apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*; \
    fi

COPY . .
# prefect-redis lets the same image run the server and its services.
RUN pip install --constraint requirements.lock --editable ".${EXTRA}" prefect-redis==0.3.0

USER gristmill
RUN python -m flows.compile
CMD ["gristmill", "--help"]
