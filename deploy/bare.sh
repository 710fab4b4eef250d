#!/bin/bash
# Proves "make up" and "make test" on a bare machine: a Debian 12 of the smallest kind with git,
# make, curl, ca-certificates, Go and Node, and nothing else, in a chroot.
#
# usage: deploy/bare.sh [root] [user] [database]      (none: all three)
#
#   root      as root, below /root: make up, make test
#   user      as an ordinary user: make up, make test
#   database  as an ordinary user with DATABASE_URL: make up
#
# ENTRASYNC_BARE_COMMANDS="up" leaves "test" out. What is committed is tested, in a fresh clone.
# Go's build cache of this machine, the modules that it has downloaded and Temporal's programs of
# this checkout are shared, read only, and what the ways built before is kept for the next;
# ENTRASYNC_BARE_COLD=1 does without. It needs root on Debian or Ubuntu.
#
# Everything happens in namespaces of its own: whatever ends this script, the kernel ends its
# processes and takes its mounts away, and the folders that are deleted then hold none.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
codename=bookworm

say() { echo "bare: $*"; }
fail() {
    say "$*" >&2
    exit 1
}

# mirror is where this machine gets its own Debian from, else Debian's usual address.
mirror() {
    local found
    found=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 2>/dev/null |
        awk -v want=$codename '$1 == "Debian" && ($2 == want || !any) { any = $3; if ($2 == want) exit } END { print any }')
    echo "${found:-http://deb.debian.org/debian}"
}

# proxy is what apt uses here for http, for debootstrap's own downloads.
proxy() { apt-config dump --format '%v%n' Acquire::http::Proxy | tail -n 1; }

# make_debian unpacks a bare Debian with Go and Node into $1. Debian itself is kept for the next
# time, for a week.
make_debian() {
    local kept=$checkout/.local/bare/$codename.tar fresh=$1.debootstrap
    mkdir -p "$1" "${kept%/*}"
    if [ -z "$(find "$kept" -mtime -7 2>/dev/null)" ]; then
        local from http_proxy=${http_proxy:-$(proxy)}
        from=$(mirror)
        say "debootstrap from $from"
        export http_proxy
        debootstrap --variant=minbase --include=ca-certificates,git,make,curl $codename "$fresh" "$from" >"$1.log" 2>&1 ||
            fail "debootstrap failed: $(tail -n 5 "$1.log")"
        tar -C "$fresh" -cf "$kept.new" . && mv "$kept.new" "$kept"
    fi
    tar -C "$1" -xf "$kept"
    # This machine's ways to the outside: names, proxies, certificates.
    cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
    apt-config dump | grep -i '^Acquire::https\?::proxy' >"$1/etc/apt/apt.conf.d/90proxy" || true
    if cp /usr/local/share/ca-certificates/*.crt "$1/usr/local/share/ca-certificates/" 2>/dev/null; then
        chroot "$1" update-ca-certificates >/dev/null 2>&1
    fi
    local go node
    go=$(go env GOROOT)
    cp -a "$go" "$1/usr/local/go"
    node=$(readlink -f "$(command -v node)")
    cp "$node" "$1/usr/local/bin/node"
    mkdir -p "$1/usr/local/lib/node_modules"
    cp -a "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$1/usr/local/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
    ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"
    chroot "$1" node --version >/dev/null || fail "this machine's Node does not run on a bare Debian"
    chroot "$1" useradd --create-home --shell /bin/bash person
}

# --- in the namespaces -------------------------------------------------------------------------

# layer shows $2 at $3, with what is written kept beside, in $1; $4 is to own that.
layer() {
    mkdir -p "$1/upper" "$1/work" "$3"
    [ -z "${4:-}" ] || chown -R "$4" "$1/upper"
    mount -t overlay overlay -o "lowerdir=$(realpath "$2"),upperdir=$1/upper,workdir=$1/work" "$3"
}

# machine makes a running machine of the Debian in $1/debian at $1/$2.
machine() {
    local at=$1/$2 device
    layer "$1/$2.layer" "$1/debian" "$at"
    mount -t proc proc "$at/proc"
    mount -t tmpfs -o mode=755 tmpfs "$at/dev"
    for device in null zero full random urandom tty; do
        touch "$at/dev/$device"
        mount --bind /dev/$device "$at/dev/$device"
    done
    ln -s /proc/self/fd "$at/dev/fd"
    mkdir "$at/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$at/dev/shm"
}

# free_port is one that nobody listens on and that was not given before.
declare -A given
free_port() {
    local taken
    taken=" $(awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 | tr '\n' ' ')"
    while port=$((12000 + RANDOM % 20000)); do
        [ -z "${given[$port]:-}" ] && [[ $taken != *" $(printf %04X "$port") "* ]] && break
    done
    given[$port]=1
}

# environment sets $env: all that a person's shell there has.
environment() {
    env=(env -i "HOME=$1" "USER=$2" LANG=C.UTF-8 GOTOOLCHAIN=local
        PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
    local name value
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [ -z "${!name:-}" ] || env+=("$name=${!name}")
    done
    for name in GOPROXY GOSUMDB GONOSUMDB GOPRIVATE; do
        value=$(go env $name)
        if [ $name = GOPROXY ] && [ -z "${ENTRASYNC_BARE_COLD:-}" ]; then
            value=file:///var/cache/go-modules,$value
        fi
        env+=("$name=$value")
    done
    env+=(NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt)
    [ -n "${ENTRASYNC_BARE_COLD:-}" ] || env+=(GOCACHE=/var/cache/go-build)
    while read -r name; do
        free_port
        env+=("$name=$port")
    done < <(sed -n 's/.*env:"\([A-Z_]*\)" default:.*/\1/p' deploy/local/internal/ports/ports.go)
}

# database_server is another machine, with PostgreSQL; it sets $url.
database_server() {
    say "another machine with PostgreSQL, as Debian packages it"
    machine "$1" server
    chroot "$1/server" apt-get update -qq >/dev/null
    chroot "$1/server" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >"$1/postgresql.log" 2>&1 ||
        fail "installing PostgreSQL failed: $(tail -n 5 "$1/postgresql.log")"
    free_port
    chroot "$1/server" su postgres -c "cd / && echo secret >/tmp/pw && pg=\$(echo /usr/lib/postgresql/*/bin) && \
        \$pg/initdb -D /tmp/data -U owner --pwfile=/tmp/pw -A scram-sha-256 >/dev/null && \
        \$pg/pg_ctl -D /tmp/data -w -l /tmp/log -o '-p $port -k /tmp -c listen_addresses=127.0.0.1' start >/dev/null && \
        PGPASSWORD=secret \$pg/createdb -h 127.0.0.1 -p $port -U owner mine"
    url=postgres://owner:secret@127.0.0.1:$port/mine
}

# command runs one command of the Makefile and reports how it ended and how long it took.
command_there() {
    local at=$1 who=$2 dir=$3 what=$4 began=$SECONDS code=0
    say "$way: make $what"
    chroot --userspec="$who" "$at" "${env[@]}" bash -c "cd $dir && make $what" || code=$?
    if [ $code = 0 ]; then
        echo "$way: make $what: ok, $((SECONDS - began)) s" >>"$results"
    else
        echo "$way: make $what: FAILED ($code), $((SECONDS - began)) s" >>"$results"
    fi
    return $code
}

# share_temporal copies Temporal's programs $1 into the machine $2, to $3, where they run there. The
# stack builds them all the same when they are not those that the tree names.
share_temporal() {
    [ -z "${ENTRASYNC_BARE_COLD:-}" ] && [ -e "$1/.built-from" ] || return 0
    mkdir -p "$2$3"
    cp -a "$1/." "$2$3/"
    if chroot "$2" "$3/temporal-server" --version >/dev/null 2>&1; then
        say "shared: Temporal's programs, as this checkout built them"
    else
        rm -r "$2$3"
    fi
}

# inside is one way, as the first process of its namespaces.
inside() {
    local dir=$1 home=/home/person who=person:person
    way=$2 results=$1.results
    [ "$way" != root ] || { home=/root who=root:root; }
    machine "$dir" machine
    local at=$dir/machine
    if [ -z "${ENTRASYNC_BARE_COLD:-}" ]; then
        local owner
        owner=$(chroot "$at" id -u "${who%:*}")
        layer "$checkout/.local/bare/go-build" "$(go env GOCACHE)" "$at/var/cache/go-build" "$owner"
        chroot "$at" find /var/cache/go-build -type d -exec chown "$who" {} +
        mkdir -p "$at/var/cache/go-modules"
        mount --bind -o ro "$(go env GOMODCACHE)/cache/download" "$at/var/cache/go-modules"
        say "shared: Go's build cache and modules of this machine, and what the ways built before"
    else
        say "nothing is shared: Go downloads and builds everything"
    fi
    git -c safe.directory='*' clone -q --no-hardlinks "$checkout" "$at$home/entrasync"
    share_temporal "$checkout/.local/bin/temporal" "$at" "$home/entrasync/.local/bin/temporal"
    chroot "$at" chown -R "$who" "$home/entrasync"
    environment "$home" "${who%:*}"
    if [ "$way" = database ]; then
        database_server "$dir"
        env+=("DATABASE_URL=$url")
    fi
    local failed=0 commands=${ENTRASYNC_BARE_COMMANDS:-up test}
    command_there "$at" "$who" "$home/entrasync" up || failed=1
    chroot --userspec="$who" "$at" "${env[@]}" bash -c "cd $home/entrasync && make status && make down" || failed=1
    if [ "$way" != database ] && [[ " $commands " == *" test "* ]]; then
        command_there "$at" "$who" "$home/entrasync" test || failed=1
    fi
    local left
    left=$(left_running "$at")
    if [ -n "$left" ]; then
        echo "$way: FAILED, processes are left: $left" >>"$results"
        failed=1
    fi
    return $failed
}

# left_running names the processes of a machine that are still there.
left_running() {
    local process
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root")" != "$1" ] || tr '\0' ' ' <"$process/cmdline" | cut -c 1-80
    done
}

# --- outside -----------------------------------------------------------------------------------

outside() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "this needs root on Debian or Ubuntu"
    if ! command -v debootstrap >/dev/null; then
        say "installing debootstrap"
        apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap debian-archive-keyring >/dev/null
    fi
    [ -z "$(git status --porcelain)" ] || say "what is not committed is not tested"
    work=$(mktemp -d /var/tmp/entrasync-bare-XXXXXX)
    chmod 711 "$work"
    running=
    trap clean EXIT
    trap 'exit 130' INT TERM HUP
    make_debian "$work/debian"
    local way failed=0
    for way; do
        mkdir -m 711 "$work/$way"
        # The Debian is this way's lower layer; nothing writes to it.
        ln -s ../debian "$work/$way/debian"
        unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
            bash "$checkout/deploy/bare.sh" _inside "$work/$way" "$way" &
        running=$!
        wait $running || failed=1
        running=
        remove "$work/$way"
    done
    echo
    cat "$work"/*.results
    return $failed
}

# clean ends what runs and deletes what was made.
clean() {
    trap '' INT TERM HUP # it is not interrupted in its turn
    if [ -n "${running:-}" ]; then
        # The first process of the namespace; the kernel ends the others with it.
        pkill -KILL -P "$running" || true
        wait "$running" 2>/dev/null || true
    fi
    remove "$work"
}

# remove deletes a folder in which nothing is mounted, as is certain once the namespaces are gone.
remove() {
    if grep -q " $1" /proc/self/mountinfo; then
        say "something is still mounted below $1: nothing is deleted" >&2
        return
    fi
    rm -rf --one-file-system "$1"
}

main() {
    if [ "${1:-}" = _inside ]; then
        inside "$2" "$3"
        return
    fi
    [ $# -gt 0 ] || set -- root user database
    local way
    for way; do
        case $way in
        root | user | database) ;;
        *) fail "there is no way $way; the ways are root, user, database" ;;
        esac
    done
    outside "$@"
}

# Read to its end before it begins: the checkout may change meanwhile.
{
    main "$@"
    exit
}
