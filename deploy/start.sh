#!/bin/sh
# Builds a program of this folder, tells when that takes its time, and runs it.
#
# usage: sh deploy/start.sh local up
set -eu
cd "$(dirname "$0")/.."
name=$1
shift
program=.local/bin/entrasync-$name
[ -x "$program" ] || echo "entrasync: compiling the program behind this command (the first time a minute or two)"
mkdir -p .local/bin
began=$(date +%s)
go build -o "$program" "./deploy/$name"
took=$(($(date +%s) - began))
[ "$took" -lt 5 ] || echo "entrasync: compiled in $took s"
exec "$program" "$@"
