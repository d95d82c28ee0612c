#!/bin/sh
# hardening.sh FOLDER: what the built programs must be: position independent, no writable tables after the start, no executable stack; together at most
# 1 MiB; and the hook program, which stands in the way of every deploy, needs libc only.
set -eu
folder=$1
status=0
wrong() {
	echo "$1"
	status=1
}
for name in letsencrypt letsencrypt-hook; do
	program=$folder/$name
	readelf -hW "$program" | grep -q 'Type: *DYN' || wrong "$program: not position independent"
	readelf -dW "$program" | grep -q 'FLAGS_1.*NOW' || wrong "$program: symbols are bound late (no -z now)"
	readelf -lW "$program" | grep -q 'GNU_RELRO' || wrong "$program: no RELRO"
	readelf -lW "$program" | grep -q 'GNU_STACK.* RW ' || wrong "$program: executable stack"
done
needed=$(readelf -dW "$folder/letsencrypt-hook" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ "$needed" = libc.so.6 ] || wrong "letsencrypt-hook needs more than libc: $needed"
size=$(($(wc -c <"$folder/letsencrypt") + $(wc -c <"$folder/letsencrypt-hook")))
[ $size -le 1048576 ] || wrong "both programs together have $size bytes, more than 1 MiB"
exit $status
