# The commands in a container, for CPU and GPU alike: PyPI's torch brings CUDA's libraries, and the NVIDIA
# Container Toolkit lends the driver. Build and run it as docs/install.md says.
FROM python:3.11-slim

RUN apt-get update \
 && apt-get install -y --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/*

# cuda: 7 GB, runs with and without a GPU; cpu: torch's CPU build, from torch's own index.
ARG TORCH=cuda

WORKDIR /opt/platform
COPY requirements.lock Makefile ./
COPY platform ./platform
RUN CI=true PIP_NO_CACHE_DIR=1 make install TORCH=${TORCH}
COPY . .

ENV PATH=/opt/platform/.venv/bin:$PATH \
    HOME=/tmp \
    RAY_USAGE_STATS_ENABLED=0 \
    MLFLOW_DISABLE_TELEMETRY=true
# runs/ and mlflow.db are written where the command stands: mount a folder of yours here.
WORKDIR /work
CMD ["platform-search", "--help"]
