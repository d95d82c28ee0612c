#!/bin/sh
# valgrind.sh PROGRAM LOG: no error, no leak, no descriptor left open. valgrind lists open descriptors without failing, so the log is read for them.
set -eu
program=$1
log=$2
if ! valgrind --quiet --child-silent-after-fork=yes --leak-check=full --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible \
	--track-fds=yes --error-exitcode=9 --log-file="$log" "$program" >"$log.out" 2>&1; then
	cat "$log.out" "$log"
	exit 1
fi
awk '
	/Open .* descriptor|Open .* socket/ { opened = $0; next }
	opened != "" && !/inherited from parent/ { print opened; print; wrong = 1 }
	{ opened = "" }
	END { exit wrong }
' "$log"
