#!/bin/sh
# Make or renew the virtual environment .venv from the locked dependencies; at once done when nothing changed.
# With uv where there is one, else with python3's venv and pip. What goes wrong is said in one line.
set -u
cd "$(dirname "$0")/../.." || exit 1

stamp=.venv/.installed    # what was installed, and (last line) where: written last
begun=.motcua/installing  # stands while an installation runs: one that was interrupted is begun anew
lock=.motcua/install.lock # held by the one installation that runs
here=$(pwd -P)
wanted=$(cksum pyproject.toml uv.lock requirements.txt && echo "$here") || exit 1

installed() {
    [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null
}

fail() {
    echo "$1" >&2
    exit 1
}

unwritable() {
    fail "Không ghi được vào $here: cấp quyền ghi cho thư mục này · $here cannot be written: grant the permission"
}

begin() {
    touch $begun 2>/dev/null && rm -f $stamp 2>/dev/null || unwritable
}

waiting() {
    echo "Chờ một lần cài khác đang chạy ở đây · waiting for another installation that runs here" >&2
}

# Without flock: a symbolic link is made at once with its holder's process id, or not at all.
hold_link() {
    ln -s $$ $lock.pid 2>/dev/null && return 0
    holder=$(readlink $lock.pid) && ! kill -0 "$holder" 2>/dev/null && rm -f $lock.pid # it was killed
    return 1
}

# Two that install at once would destroy each other's .venv: the second waits.
alone() {
    mkdir -p .motcua 2>/dev/null && touch $lock 2>/dev/null || unwritable
    if command -v flock >/dev/null 2>&1; then
        exec 9>$lock
        flock -n 9 || { waiting && flock 9; } || fail "Không khóa được · cannot lock: $here/$lock"
        return
    fi
    hold_link || {
        waiting
        until sleep 1 && hold_link; do :; done
    }
    trap 'rm -f $lock.pid' EXIT
    trap 'exit 130' INT TERM HUP
}

# The scripts of an environment name the folder it was made in: a moved one is made anew.
usable() {
    [ ! -e $begun ] && new_enough .venv/bin/python || return 1
    case $(cat $stamp 2>/dev/null) in
    '' | *"
$here") return 0 ;;
    esac
    return 1
}

# The machine's own certificate authorities: a company's or a school's are in no package.
with_uv() {
    command -v uv >/dev/null 2>&1 || return 1
    begin
    case $(uv sync --help 2>/dev/null) in
    *--system-certs*) authorities=--system-certs ;;
    *) authorities=--native-tls ;;
    esac
    uv sync --frozen --all-extras $authorities
}

trust_system() {
    [ -z "${PIP_CERT:-}${REQUESTS_CA_BUNDLE:-}${CURL_CA_BUNDLE:-}" ] || return 0
    .venv/bin/python -m pip config get global.cert >/dev/null 2>&1 && return 0
    for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        if [ -f "$bundle" ]; then export PIP_CERT="$bundle" && return 0; fi
    done
}

# A line that counts, in place of pip's hundreds; true when the last line says that all went well.
counted() {
    wanted_count=$1 count=0 last=
    while read -r word rest; do
        last=$word
        case $word in
        Collecting | Requirement)
            count=$((count + 1))
            [ ! -t 2 ] || printf '\r%s/%s ' $count "$wanted_count" >&2
            ;;
        Installing) echo "cài vào .venv, chừng nửa phút · installing, about half a minute" >&2 ;;
        esac
    done
    [ "$last" = done ]
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
    trust_system
    packages=0
    while read -r line; do case $line in *==*) packages=$((packages + 1)) ;; esac done <requirements.txt
    echo "tải $packages gói · fetching $packages packages" >&2
    { .venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements.txt && echo done; } |
        counted $packages &&
        .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
}

installed && exit 0
alone
installed && exit 0
echo "Cài môi trường Python vào .venv · installing the Python environment" >&2
usable || rm -rf .venv
with_uv || with_pip || fail "$why"
printf '%s\n' "$wanted" >$stamp
rm -f $begun
