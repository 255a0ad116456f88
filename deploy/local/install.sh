#!/bin/sh
# Make or renew the virtual environment .venv from the locked dependencies; at once done when nothing changed.
# With uv where there is one, else with python3's venv and pip. What goes wrong is said in one line.
set -u
cd "$(dirname "$0")/../.." || exit 1

stamp=.venv/.installed    # what was installed, and where: written last
begun=.motcua/installing  # stands while an installation runs: one that was interrupted is begun anew
wanted=$(cksum pyproject.toml uv.lock requirements.txt && pwd) || exit 1

if [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

fail() {
    echo "$1" >&2
    exit 1
}

begin() {
    mkdir -p .motcua 2>/dev/null && touch $begun 2>/dev/null && rm -f $stamp 2>/dev/null ||
        fail "Không ghi được vào $(pwd): cấp quyền ghi cho thư mục này · $(pwd) cannot be written: grant the permission"
}

with_uv() {
    command -v uv >/dev/null 2>&1 || return 1
    begin
    uv sync --frozen --all-extras
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The first Python that is new enough, in $python; else the reason, in $why.
find_python() {
    why="Không thấy python3: cài Python 3.11 trở lên, hoặc uv · python3 is missing: install Python 3.11 or newer, or uv"
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        command -v $python >/dev/null 2>&1 || continue
        if ! new_enough $python; then
            why="$($python -V 2>&1) quá cũ: cần Python 3.11 trở lên, hoặc uv · is too old: Python 3.11 or newer is needed, or uv"
        elif ! $python -c 'import venv, ensurepip' 2>/dev/null; then
            why="$python thiếu mô-đun venv: apt install python3-venv, hoặc cài uv · has no venv module: apt install python3-venv, or install uv"
        else
            return 0
        fi
    done
    return 1
}

with_pip() {
    find_python || return 1
    begin
    why="Cài đặt không xong: xem lỗi bên trên, kiểm tra mạng và đĩa rồi chạy lại · the installation failed: see above, check network and disk, run again"
    [ -x .venv/bin/python ] || $python -m venv .venv || return 1
    .venv/bin/python -c 'import pip' 2>/dev/null || .venv/bin/python -m ensurepip || return 1
    .venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements.txt &&
        .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
}

echo "Cài môi trường Python vào .venv · installing the Python environment" >&2
if [ -e $begun ] || ! new_enough .venv/bin/python; then rm -rf .venv; fi
with_uv || with_pip || fail "$why"
printf '%s\n' "$wanted" >$stamp
rm -f $begun
