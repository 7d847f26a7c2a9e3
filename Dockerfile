# The image of every service in docker-compose.yml but Redis.
#
# With CUDA's libraries several GB, without them about 2 GB:
#   docker build -t ai-mission-control .
#   docker build -t ai-mission-control --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu .
FROM python:3.11-slim

# libegl1, libegl-mesa0: films of agents are rendered without a screen. libopengl0, libgl1: without
# them PyOpenGL fails when a MuJoCo environment is imported, filmed or not.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libegl1 libegl-mesa0 libopengl0 libgl1 \
    && rm -rf /var/lib/apt/lists/*

# /shared has its owner from the image when a volume is first mounted there.
RUN useradd --uid 1000 --create-home amc \
    && install --directory --owner amc --group amc /shared

WORKDIR /app

# What changes rarely comes first: torch is not installed again when amc changes.
ARG PIP_EXTRA_INDEX_URL=""
COPY constraints.txt setup.cfg pyproject.toml README.md LICENSE ./
COPY amc/version.py amc/version.py
RUN pip install --no-cache-dir --constraint constraints.txt '.[notebook,sb3,tpe]'

# amc/presets leads into configs/.
COPY configs configs
COPY amc amc
RUN pip install --no-cache-dir --no-deps --force-reinstall . && rm -rf amc build *.egg-info

COPY worker_queues worker_queues
COPY --chown=amc notebooks notebooks

ENV AMC_SHARED_DIR=/shared \
    MUJOCO_GL=egl \
    PYTHONUNBUFFERED=1
COPY .ci/check_image.py /tmp/check_image.py
USER amc
# An image in which one of the environments does not train, or is not drawn, is not made. What is
# compiled for that is in it, so that no worker compiles it again.
RUN python /tmp/check_image.py configs/presets

STOPSIGNAL SIGTERM
CMD ["amc", "up", "--foreground"]
