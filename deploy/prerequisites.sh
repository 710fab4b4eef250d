#!/bin/sh
# Looks, before anything is downloaded or built, for what a command of the Makefile needs: Go and
# Node of the right age, a C compiler, free ports. What is missing is installed where this is root
# on Debian or Ubuntu and their package does, else named with the line that installs it.
#
# usage: sh deploy/prerequisites.sh up|test|lint
set -eu
cd "$(dirname "$0")/.."

node=20.19  # the oldest Node that builds the console (gateway/web/package.json)
postgres=15 # the oldest PostgreSQL that the schema works on

say() { echo "entrasync: $*"; }
fail() {
    echo "entrasync: $*" >&2
    exit 1
}

# at_least VERSION WANTED compares numbers between dots, as in 1.26.8.
at_least() {
    awk -v have="$1" -v want="$2" 'BEGIN {
        n = split(want, w, "."); split(have, h, ".")
        for (i = 1; i <= n; i++) if (h[i] + 0 != w[i] + 0) exit (h[i] + 0 < w[i] + 0)
        exit 0
    }'
}

root() { [ "$(id -u)" = 0 ]; }
sudo=$(root || echo 'sudo ')

check_go() {
    want=$(sed -n 's/^go //p' go.work)
    case $(uname -m) in
    aarch64) arch=arm64 ;;
    *) arch=amd64 ;;
    esac
    install="  curl -sSL https://go.dev/dl/go$want.linux-$arch.tar.gz | ${sudo}tar -C /usr/local -xz && export PATH=/usr/local/go/bin:\$PATH"
    command -v go >/dev/null || fail "Go is missing; this needs $want or newer. It is installed by
$install"
    # Outside the workspace, where no other release is asked for.
    have=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
    have=${have#go}
    at_least "$have" "$want" && return
    setting=$(cd / && go env GOTOOLCHAIN)
    case $setting in
    *auto* | *path*) say "Go $have fetches Go $want, which this needs (GOTOOLCHAIN=$setting)" ;;
    *) fail "Go $have is here; this needs $want or newer. It is installed by
$install
or fetched by Go $have itself after
  export GOTOOLCHAIN=auto" ;;
    esac
}

# node_problem says what is wrong with Node, nothing when it is right.
node_problem() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        echo "Node $node or newer with npm is missing"
        return
    fi
    have=$(node --version)
    at_least "${have#v}" "$node" || echo "Node ${have#v} is here; this needs $node or newer"
}

install_node="  curl -fsSL https://deb.nodesource.com/setup_${node%%.*}.x | ${sudo}bash - && ${sudo}apt-get install -y nodejs"

check_node() {
    problem=$(node_problem)
    [ -z "$problem" ] || fail "$problem. It is installed by
$install_node"
}

# has_postgres looks where the stack looks (internal/postgres).
has_postgres() {
    if [ -n "${ENTRASYNC_POSTGRES_BIN:-}" ]; then
        set -- "$ENTRASYNC_POSTGRES_BIN/postgres"
    else
        set -- /usr/lib/postgresql/*/bin/postgres "$(command -v postgres || true)"
    fi
    for program; do
        [ -x "$program" ] || continue
        version=$("$program" --version 2>/dev/null | sed 's/^[^0-9]*//') || continue
        at_least "$version" "$postgres" && return
    done
    return 1
}

# check_database wants a PostgreSQL, or npm, which has one.
check_database() {
    has_postgres && return
    problem=$(node_problem)
    [ -z "$problem" ] || fail "no PostgreSQL $postgres or newer is here, and none can be had from npm: $problem. One of these helps:
$install_node
  ${sudo}apt-get install -y postgresql"
}

# compiles says whether C programs can be built, with the library's headers.
compiles() {
    compiler=$(go env CC)
    [ -n "$compiler" ] || return 1
    echo '#include <stdlib.h>
int main(void) { return 0; }' | $compiler -x c -c -o /dev/null - 2>/dev/null
}

# check_compiler never fails: without a compiler the tests run without the race detector.
check_compiler() {
    compiles && return
    if root && command -v apt-get >/dev/null; then
        say "installing a C compiler, which the race detector needs (apt-get install gcc libc6-dev)"
        if apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null && compiles; then
            return
        fi
    fi
    say "no C compiler is here: the tests run without the race detector. With it after
  ${sudo}apt-get install -y gcc libc6-dev"
}

# check_ports wants the ports of the stack, unless the stack is what has them. ports.go names them.
check_ports() {
    lock=.local/run/supervisor.pid
    if [ -e $lock ] && ! flock -n $lock true; then
        return
    fi
    listening=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }')
    sed -n 's/.*env:"\([A-Z_]*\)" default:"\([0-9]*\)".*/\1 \2/p' deploy/local/internal/ports/ports.go |
        while read -r variable port; do
            case $variable in
            *_POSTGRESQL) [ -z "${DATABASE_URL:-}" ] || continue ;;
            *_SIMULATOR) [ -z "${ENTRASYNC_MICROSOFT_LOGIN_URL:-}${ENTRASYNC_MICROSOFT_GRAPH_URL:-}" ] || continue ;;
            *_IDENTITY) [ -z "${ENTRASYNC_AUTH_ISSUER:-}" ] || continue ;;
            esac
            eval "port=\${$variable:-$port}"
            if echo "$listening" | grep -qx "$(printf %04X "$port")"; then
                fail "port $port is taken by another program: end that program, or choose another port with $variable"
            fi
        done
}

check_go
case ${1:-} in
up)
    [ -n "${DATABASE_URL:-}" ] || check_database
    check_ports
    ;;
test)
    check_database
    check_compiler
    ;;
lint)
    check_node
    command -v git >/dev/null || fail "git is missing. It is installed by
  ${sudo}apt-get install -y git"
    ;;
*) fail "usage: prerequisites.sh up|test|lint" ;;
esac
