#!/bin/sh
# Install what uv.lock says into the virtual environment $1, with uv; further arguments are uv's own.
# Nothing for development, and nothing that would have to be built: the image needs no compiler.
set -eu
environment=$1
shift
UV_PROJECT_ENVIRONMENT="$environment" uv sync --frozen --no-dev --no-install-project --no-build \
    --no-python-downloads --python "$(command -v python3)" --link-mode copy --compile-bytecode --no-progress "$@"
rm -f "$environment/.lock"  # which anyone may write
